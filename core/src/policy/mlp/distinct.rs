//! The distinct observations of a pass. Small tasks ask about the same few observations again and again, and a row's
//! outputs depend on its observation alone, so each goes through the layers once.

/// Maps observations to consecutive numbers, in the order in which they come up: a hash table with open addressing.
#[derive(Default)]
pub(super) struct Distinct {
    active: usize,
    /// Number of a distinct observation, and the pass that it is of.
    slots: Vec<(u32, u32)>,
    pass: u32,
    /// Features of the distinct observations [count][active].
    pub features: Vec<u32>,
}

impl Distinct {
    pub fn new(active: usize) -> Self {
        Self { active, ..Self::default() }
    }

    pub fn count(&self) -> usize {
        self.features.len() / self.active
    }

    /// Forgets the observations of the last pass.
    pub fn clear(&mut self) {
        self.features.clear();
        self.pass = self.pass.wrapping_add(1);
        if self.pass == 0 || self.slots.is_empty() {
            self.pass = 1;
            self.slots.clear();
            self.slots.resize(256, (0, 0));
        }
    }

    /// The number of an observation, new or not.
    pub fn number(&mut self, observation: &[u32]) -> u32 {
        if 2 * self.count() >= self.slots.len() {
            self.widen();
        }
        let slot = self.slot(observation);
        if self.slots[slot].1 != self.pass {
            self.slots[slot] = (self.count() as u32, self.pass);
            self.features.extend_from_slice(observation);
        }
        self.slots[slot].0
    }

    /// Where an observation is, or the free slot where it belongs.
    fn slot(&self, observation: &[u32]) -> usize {
        let mask = self.slots.len() - 1;
        let hash = observation.iter().fold(0u32, |h, f| (h.rotate_left(5) ^ f).wrapping_mul(0x9e37_79b1));
        let mut slot = (hash >> 7) as usize & mask;
        loop {
            let (number, pass) = self.slots[slot];
            if pass != self.pass || &self.features[number as usize * self.active..][..self.active] == observation {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn widen(&mut self) {
        let size = 2 * self.slots.len().max(128);
        self.slots.clear();
        self.slots.resize(size, (0, 0));
        self.pass = 1;
        for number in 0..self.count() {
            let at = number * self.active;
            let slot = self.slot(&self.features[at..at + self.active]);
            self.slots[slot] = (number as u32, self.pass);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::rng;
    use std::collections::HashMap;

    #[test]
    fn numbers_are_those_of_a_map_in_order_of_appearance() {
        let mut distinct = Distinct::new(2);
        for pass in 0..3 {
            distinct.clear();
            let mut map = HashMap::new();
            for i in 0..5000 {
                let [a, b, ..] = rng::draw(pass, i, 0, 0, 0, 0);
                // The second pass has few observations, the others many.
                let range = if pass == 1 { 4 } else { 60 };
                let observation = [rng::below(a, range), rng::below(b, range)];
                let next = map.len() as u32;
                assert_eq!(distinct.number(&observation), *map.entry(observation).or_insert(next), "pass {pass}");
            }
            assert_eq!(distinct.count(), map.len());
        }
    }
}
