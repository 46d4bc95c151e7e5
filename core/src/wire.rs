//! How messages of the protocol travel between page and worker: MessagePack with field names, one transferable byte
//! array a message. Unlike JSON it keeps numbers that are not finite, and long vectors (`floats`) travel as raw bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A message that could not be read or written; a bug or a page and worker of different versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the page and the engine do not understand each other ({0}); reload the page")]
pub struct WireError(String);

/// The bytes of a `Command` or an `Event`.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    rmp_serde::to_vec_named(message).map_err(|e| WireError(e.to_string()))
}

/// A `Command` or an `Event` from its bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    rmp_serde::from_slice(bytes).map_err(|e| WireError(e.to_string()))
}

/// For `#[serde(with = "floats")]`: a vector of f32 as little-endian bytes. Also reads a list of numbers, as JSON has it.
pub mod floats {
    use serde::de::{Deserializer, Error, SeqAccess, Visitor};
    use serde::ser::Serializer;
    use std::fmt;

    pub fn serialize<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_seq(values);
        }
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        serializer.serialize_bytes(&bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
        struct Floats;
        impl<'de> Visitor<'de> for Floats {
            type Value = Vec<f32>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("numbers")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<f32>, E> {
                let (words, rest) = bytes.as_chunks::<4>();
                if !rest.is_empty() {
                    return Err(E::invalid_length(bytes.len(), &"a multiple of four bytes"));
                }
                Ok(words.iter().map(|w| f32::from_le_bytes(*w)).collect())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<f32>, A::Error> {
                let mut values = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(1 << 20));
                while let Some(x) = seq.next_element()? {
                    values.push(x);
                }
                Ok(values)
            }
        }
        deserializer.deserialize_any(Floats)
    }

    /// The same for a vector that may be absent.
    pub mod option {
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        #[derive(Serialize, Deserialize)]
        struct Wrapped(#[serde(with = "super")] Vec<f32>);

        pub fn serialize<S: Serializer>(values: &Option<Vec<f32>>, serializer: S) -> Result<S::Ok, S::Error> {
            values.as_ref().map(|v| Wrapped(v.clone())).serialize(serializer)
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<f32>>, D::Error> {
            Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|w| w.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use crate::experiment::{Arm, Base, Experiment, Part, VERSION};
    use crate::params::Value;
    use crate::protocol::{Checkpoint, Command, EngineKind, Event, LaneState, RowIndex};

    fn experiment() -> Experiment {
        let part = |kind: &str| Part { kind: kind.into(), params: [("k".to_string(), Value::Number(8.0))].into() };
        Experiment {
            version: VERSION,
            id: String::new(),
            title: "t".into(),
            lesson: String::new(),
            watch: String::new(),
            paper: None,
            task: part("bandit"),
            policy: part("table"),
            base: Some(Base { steps: 3, batch: 4, learning_rate: 0.1, seed: 1 }),
            run: [("updates".to_string(), Value::Number(7.0))].into(),
            algorithm: [("hidden".to_string(), Value::List(vec![1.0, 2.5]))].into(),
            arms: vec![Arm { name: "a".into(), code: "def r(ep):\n    return 1.0\n".into(), algorithm: [].into() }],
            charts: vec!["true_score".into()],
            claims: Vec::new(),
            notes: String::new(),
        }
    }

    #[test]
    fn a_load_comes_back_whole() {
        let lane = LaneState {
            arm: 1,
            seed: 2,
            params: vec![0.1, -0.0, f32::MAX],
            m: vec![f32::INFINITY],
            v: Vec::new(),
            opt_step: 9,
            entropy_coef: 0.5,
            entropy_last: 1.5,
            tokens: 64.0,
            run: vec![1.0],
        };
        let command = Command::Load {
            run: 3,
            experiment: Box::new(experiment()),
            seeds: vec![0, 2],
            engine: EngineKind::Cpu,
            base: Some(vec![1.0, 2.0]),
            checkpoint: Some(Checkpoint { update: 4, lanes: vec![lane.clone()] }),
        };
        let Ok(Command::Load { experiment: e, seeds, base, checkpoint, .. }) = decode(&encode(&command).unwrap())
        else {
            panic!("not a load");
        };
        assert_eq!(*e, experiment());
        assert_eq!(seeds, [0, 2]);
        assert_eq!(base, Some(vec![1.0, 2.0]));
        assert_eq!(checkpoint, Some(Checkpoint { update: 4, lanes: vec![lane] }));
    }

    #[test]
    fn numbers_that_are_not_finite_survive() {
        let index = vec![RowIndex { arm: 0, seed: 1, update: 2 }];
        let event = Event::Report {
            run: 1,
            index: index.clone(),
            values: vec![f32::NAN, f32::NEG_INFINITY, 1.5],
            anatomy: None,
            updates_per_s: 3.0,
        };
        let Ok(Event::Report { index: i, values, .. }) = decode(&encode(&event).unwrap()) else {
            panic!("not a report");
        };
        assert_eq!(i, index);
        assert!(values[0].is_nan() && values[1] == f32::NEG_INFINITY && values[2] == 1.5);
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let bytes = encode(&Command::Pause { run: 1 }).unwrap();
        assert!(decode::<Command>(&bytes[..bytes.len() - 1]).is_err());
        assert!(decode::<Event>(&bytes).is_err());
    }
}
