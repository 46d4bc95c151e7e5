//! Numbers, texts, lists and what is made of them as bytes: little-endian, lists behind their lengths. Written by hand
//! because decoders that serde derives for the messages are a seventh of the page's module.

/// A message that could not be read; a bug, or a page and a worker of different builds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the page and the engine do not understand each other ({0}); reload the page")]
pub struct WireError(pub(super) &'static str);

/// The bytes of a `Command` or an `Event`.
pub fn encode<T: Wire>(message: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.weight());
    message.put(&mut out);
    out
}

/// A `Command` or an `Event` from its bytes.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, WireError> {
    let mut input = Input(bytes);
    let message = T::take(&mut input)?;
    if input.0.is_empty() { Ok(message) } else { Err(WireError("a message is too long")) }
}

/// What is left to read.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn bytes(&mut self, n: usize) -> Result<&'a [u8], WireError> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(WireError("a message is cut off"))?;
        self.0 = rest;
        Ok(head)
    }
}

/// Something that a message can hold.
pub trait Wire: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(input: &mut Input<'_>) -> Result<Self, WireError>;
    /// About as many bytes as `put` writes: a message of megabytes is not to be moved while it grows.
    fn weight(&self) -> usize {
        size_of::<Self>()
    }
}

impl Wire for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let mut word = [0; 4];
        word.copy_from_slice(input.bytes(4)?);
        Ok(u32::from_le_bytes(word))
    }
}

impl Wire for f32 {
    fn put(&self, out: &mut Vec<u8>) {
        self.to_bits().put(out);
    }
    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        u32::take(input).map(f32::from_bits)
    }
}

impl Wire for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }
    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        Ok(input.bytes(1)?[0])
    }
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        u8::from(*self).put(out);
    }
    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        Ok(u8::take(input)? != 0)
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        out.extend_from_slice(self.as_bytes());
    }
    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let n = u32::take(input)? as usize;
        String::from_utf8(input.bytes(n)?.to_vec()).map_err(|_| WireError("a text is not text"))
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        for item in self {
            item.put(out);
        }
    }
    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let n = u32::take(input)? as usize;
        // Every item takes a byte at least: a false length asks for no more memory than the message has.
        let mut items = Vec::with_capacity(n.min(input.0.len()));
        for _ in 0..n {
            items.push(T::take(input)?);
        }
        Ok(items)
    }
    fn weight(&self) -> usize {
        4 + self.iter().map(Wire::weight).sum::<usize>()
    }
}

impl<T: Wire + Copy + Default, const N: usize> Wire for [T; N] {
    fn put(&self, out: &mut Vec<u8>) {
        for item in self {
            item.put(out);
        }
    }
    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        let mut items = [T::default(); N];
        for item in &mut items {
            *item = T::take(input)?;
        }
        Ok(items)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        if bool::take(input)? { T::take(input).map(Some) } else { Ok(None) }
    }
    fn weight(&self) -> usize {
        1 + self.as_ref().map_or(0, Wire::weight)
    }
}

impl<T: Wire> Wire for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }
    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        T::take(input).map(Box::new)
    }
    fn weight(&self) -> usize {
        (**self).weight()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
    fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
        Ok((A::take(input)?, B::take(input)?))
    }
}

/// What files and links hold travels as the JSON that they hold.
macro_rules! as_json {
    ($($name:ty),+) => { $(impl Wire for $name {
        fn put(&self, out: &mut Vec<u8>) {
            // Plain data with string keys always serialises.
            serde_json::to_string(self).unwrap_or_default().put(out);
        }
        fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
            serde_json::from_str(&String::take(input)?).map_err(|_| WireError("an experiment cannot be read"))
        }
    })+ };
}

/// `Type { field, .. }`: all fields, in this order.
macro_rules! structs {
    ($($name:ident { $($field:ident),+ })+) => { $(impl Wire for $name {
        fn put(&self, out: &mut Vec<u8>) {
            $(self.$field.put(out);)+
        }
        fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
            Ok(Self { $($field: Wire::take(input)?),+ })
        }
        fn weight(&self) -> usize {
            0 $(+ self.$field.weight())+
        }
    })+ };
}

/// `Type { tag Variant { field, .. }, .. }`: the tag as a byte, then the fields.
macro_rules! enums {
    ($($name:ident { $($tag:literal $variant:ident $({ $($field:ident),+ })?),+ })+) => { $(impl Wire for $name {
        fn put(&self, out: &mut Vec<u8>) {
            match self {
                $(Self::$variant $({ $($field),+ })? => {
                    out.push($tag);
                    $($($field.put(out);)+)?
                })+
            }
        }
        fn take(input: &mut Input<'_>) -> Result<Self, WireError> {
            match u8::take(input)? {
                $($tag => Ok(Self::$variant $({ $($field: Wire::take(input)?),+ })?),)+
                _ => Err(WireError("a message is of no known kind")),
            }
        }
        fn weight(&self) -> usize {
            match self {
                $(Self::$variant $({ $($field),+ })? => 1 $($(+ $field.weight())+)?,)+
            }
        }
    })+ };
}

pub(super) use {as_json, enums, structs};
