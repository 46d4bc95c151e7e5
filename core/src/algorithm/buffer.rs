//! The selective sample buffer (Skywork R1V2): past samples that had an advantage, kept in a ring and drawn in proportion
//! to the size of their advantage, to stand in for samples of a batch that have none.

/// One lane's ring of past samples; a sample is a fixed number of words that mean nothing here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleBuffer {
    /// Words of a sample, and samples that fit.
    words: usize,
    capacity: usize,
    /// Where the next sample goes once the ring is full.
    next: usize,
    /// |A| of each sample.
    sizes: Vec<f32>,
    /// [samples][words]
    samples: Vec<u32>,
    /// Sums of `sizes` up to and with each sample, made by `prepare`.
    sums: Vec<f32>,
}

impl SampleBuffer {
    /// Makes it hold `capacity` samples of `words` words; what it holds stays if neither changes.
    pub fn shape(&mut self, words: usize, capacity: usize) {
        if (self.words, self.capacity) != (words, capacity) {
            *self = Self { words, capacity, ..Self::default() };
        }
    }

    /// Samples in it.
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// Takes in a sample with the size of its advantage, in the place of the oldest where it is full.
    pub fn push(&mut self, size: f32, sample: &[u32]) {
        debug_assert_eq!(sample.len(), self.words);
        if self.sizes.len() < self.capacity {
            self.sizes.push(size);
            self.samples.extend_from_slice(sample);
            return;
        }
        let at = self.next;
        if let Some(old) = self.sizes.get_mut(at) {
            *old = size;
            self.samples[at * self.words..(at + 1) * self.words].copy_from_slice(sample);
            self.next = (at + 1) % self.capacity;
        }
    }

    /// Sums the sizes for the draws that follow.
    pub fn prepare(&mut self) {
        self.sums.clear();
        let mut sum = 0.0f32;
        self.sums.extend(self.sizes.iter().map(|size| {
            sum += size;
            sum
        }));
    }

    /// The sample that a number in [0, 1) draws, with probability in proportion to its size; None where there is none.
    pub fn draw(&self, uniform: f32) -> Option<&[u32]> {
        let total = *self.sums.last()?;
        let at = self.sums.partition_point(|sum| *sum <= uniform * total).min(self.sums.len() - 1);
        self.samples.get(at * self.words..(at + 1) * self.words)
    }

    /// Everything in it as words, for a checkpoint.
    pub fn to_words(&self) -> Vec<u32> {
        let sizes: Vec<u32> = self.sizes.iter().map(|x| x.to_bits()).collect();
        let Self { words, capacity, next, samples, .. } = self;
        Saved { words: *words, capacity: *capacity, next: *next, sizes: &sizes, samples }.to_words()
    }

    /// A buffer from the words of a checkpoint; an empty one from words that are none.
    pub fn from_words(words: &[u32]) -> Self {
        let Some(Saved { words, capacity, next, sizes, samples }) = Saved::read(words) else { return Self::default() };
        let sizes = sizes.iter().map(|bits| f32::from_bits(*bits)).collect();
        Self { words, capacity, next, sizes, samples: samples.to_vec(), sums: Vec::new() }
    }
}

/// A buffer as the words of a checkpoint have it: four numbers, then the sizes, then the samples.
#[derive(Clone, Copy, Debug)]
pub struct Saved<'a> {
    /// Words of a sample, and samples that fit.
    pub words: usize,
    pub capacity: usize,
    /// Where the next sample goes once the ring is full.
    pub next: usize,
    /// |A| of each sample, by bits.
    pub sizes: &'a [u32],
    /// [samples][words]
    pub samples: &'a [u32],
}

impl<'a> Saved<'a> {
    /// None of words that are no buffer.
    pub fn read(words: &'a [u32]) -> Option<Self> {
        let (head, rest) = words.split_at_checked(4)?;
        let [words, capacity, next, len] = [0, 1, 2, 3].map(|i| head[i] as usize);
        if len > capacity || next >= capacity.max(1) || rest.len() != len.saturating_mul(words.saturating_add(1)) {
            return None;
        }
        let (sizes, samples) = rest.split_at(len);
        Some(Self { words, capacity, next, sizes, samples })
    }

    /// The words of a checkpoint.
    pub fn to_words(&self) -> Vec<u32> {
        let head = [self.words, self.capacity, self.next, self.sizes.len()].map(|x| x as u32);
        [&head[..], self.sizes, self.samples].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::rng::{draw, uniform};

    fn filled(sizes: &[f32]) -> SampleBuffer {
        let mut buffer = SampleBuffer::default();
        buffer.shape(2, 4);
        sizes.iter().enumerate().for_each(|(i, size)| buffer.push(*size, &[i as u32, 100 + i as u32]));
        buffer.prepare();
        buffer
    }

    #[test]
    fn samples_are_drawn_in_proportion_to_the_size_of_their_advantage() {
        let buffer = filled(&[1.0, 0.0, 2.0, 1.0]);
        let mut counts = [0; 4];
        for i in 0..8000 {
            counts[buffer.draw(uniform(draw(1, i, 0, 0, 0, 5)[0])).unwrap()[0] as usize] += 1;
        }
        assert_eq!(counts[1], 0);
        for (count, expected) in counts.iter().zip([2000i32, 0, 4000, 2000]) {
            assert!((count - expected).abs() < 150, "{counts:?}");
        }
        assert_eq!(SampleBuffer::default().draw(0.3), None);
    }

    #[test]
    fn the_oldest_sample_makes_room() {
        let buffer = filled(&[1.0, 1.0, 1.0, 1.0, 3.0, 1.0]);
        assert_eq!(buffer.len(), 4);
        assert_eq!(buffer.draw(0.0), Some(&[4, 104][..]));
        assert_eq!(buffer.draw(0.999), Some(&[3, 103][..]));
    }

    #[test]
    fn it_survives_a_checkpoint_and_refuses_nonsense() {
        let mut buffer = filled(&[1.0, 0.5, 2.0, 1.0, 0.25]);
        let mut back = SampleBuffer::from_words(&buffer.to_words());
        back.prepare();
        assert_eq!(back, buffer);
        back.push(9.0, &[7, 8]);
        buffer.push(9.0, &[7, 8]);
        assert_eq!(back.to_words(), buffer.to_words());
        assert!(SampleBuffer::from_words(&[]).is_empty());
        assert!(SampleBuffer::from_words(&[2, 4, 0, 3, 1, 1]).is_empty());
        assert!(SampleBuffer::from_words(&[u32::MAX; 5]).is_empty());
    }
}
