//! Plain data from storage, files and the other modules, read by hand out of what the browser parses: the decoders that
//! serde derives for the same types are a tenth of the page's module. What is missing or of another type reads as its
//! default; the language module says what is wrong with an experiment.

use goodhart_core::experiment::{Arm, Base, Experiment, Moment, NowTry, Paper, Part, VERSION, When};
use goodhart_core::params::{Overrides, Value};
use js_sys::{Array, JSON, Object, Reflect};
use serde::Serialize;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::JsValue;

/// A value of JSON.
#[derive(Clone, Debug)]
pub struct Plain(JsValue);

impl Plain {
    /// None where the text is no JSON.
    pub fn parse(text: &str) -> Option<Self> {
        JSON::parse(text).ok().map(Self)
    }

    /// A field of an object; nothing where it has none.
    pub fn get(&self, key: &str) -> Self {
        Self(Reflect::get(&self.0, &key.into()).unwrap_or(JsValue::UNDEFINED))
    }

    /// The field, if it is there.
    pub fn some(&self, key: &str) -> Option<Self> {
        Some(self.get(key)).filter(|x| !x.0.is_undefined() && !x.0.is_null())
    }

    pub fn as_text(&self) -> String {
        self.0.as_string().unwrap_or_default()
    }

    pub fn as_number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    pub fn text(&self, key: &str) -> String {
        self.get(key).as_text()
    }

    pub fn number(&self, key: &str) -> Option<f64> {
        self.get(key).as_number()
    }

    pub fn float(&self, key: &str) -> Option<f32> {
        self.number(key).map(|x| x as f32)
    }

    /// A count; 0 where there is none.
    pub fn count(&self, key: &str) -> usize {
        self.number(key).unwrap_or(0.0) as usize
    }

    pub fn flag(&self, key: &str) -> bool {
        self.get(key).0.is_truthy()
    }

    pub fn is_true(&self) -> bool {
        self.0.is_truthy()
    }

    pub fn items(&self) -> Vec<Self> {
        self.0.dyn_ref::<Array>().map(|array| array.iter().map(Self).collect()).unwrap_or_default()
    }

    pub fn list(&self, key: &str) -> Vec<Self> {
        self.get(key).items()
    }

    pub fn texts(&self, key: &str) -> Vec<String> {
        self.list(key).iter().map(Self::as_text).collect()
    }

    pub fn floats(&self, key: &str) -> Vec<f32> {
        self.list(key).iter().map(|x| x.as_number().unwrap_or(f64::NAN) as f32).collect()
    }

    fn entries(&self) -> Vec<(String, Self)> {
        let Some(object) = self.0.dyn_ref::<Object>() else { return Vec::new() };
        let pair = |pair: JsValue| {
            let pair: Array = pair.unchecked_into();
            Some((pair.get(0).as_string()?, Self(pair.get(1))))
        };
        Object::entries(object).iter().filter_map(pair).collect()
    }

    /// A parameter's value.
    pub fn value(&self) -> Option<Value> {
        if let Some(flag) = self.0.as_bool() {
            return Some(Value::Bool(flag));
        }
        if let Some(x) = self.as_number() {
            return Some(Value::Number(x));
        }
        if let Some(text) = self.0.as_string() {
            return Some(Value::Text(text));
        }
        let list = self.0.dyn_ref::<Array>()?;
        Some(Value::List(list.iter().filter_map(|x| x.as_f64()).collect()))
    }

    fn overrides(&self) -> Overrides {
        self.entries().into_iter().filter_map(|(name, value)| Some((name, value.value()?))).collect()
    }

    /// A kind with its parameters beside it.
    fn part(&self) -> Option<Part> {
        let mut params = self.overrides();
        match params.remove("kind")? {
            Value::Text(kind) => Some(Part { kind, params }),
            _ => None,
        }
    }

    /// An experiment without its claims, which are about the file that they came from. None where this is none that the
    /// page can show.
    pub fn experiment(&self) -> Option<Experiment> {
        let arm = |a: &Self| {
            Some(Arm {
                name: a.0.is_object().then(|| a.text("name"))?,
                code: a.text("code"),
                algorithm: a.get("algorithm").overrides(),
            })
        };
        let arms: Vec<Arm> = self.list("arms").iter().filter_map(arm).collect();
        let version = self.number("version").filter(|v| *v <= f64::from(VERSION))? as u32;
        if arms.is_empty() {
            return None;
        }
        let new = Experiment::new(&self.text("title"), self.get("task").part()?, self.get("policy").part()?, arms);
        Some(Experiment {
            version,
            id: self.text("id"),
            lesson: self.text("lesson"),
            watch: self.text("watch"),
            theme: self.text("theme"),
            paper: self.some("paper").map(|p| p.paper()),
            base: self.some("base").map(|b| b.base()),
            reward_models: self.some("reward_models").map(|m| m.overrides()),
            exploration: self.some("exploration").map(|m| m.overrides()),
            run: self.get("run").overrides(),
            algorithm: self.get("algorithm").overrides(),
            charts: self.texts("charts"),
            outcome: self.some("outcome").map_or(new.outcome, |o| o.as_text()),
            moment: self.some("moment").and_then(|m| m.moment()),
            now_try: self.list("now_try").iter().map(Self::now_try).collect(),
            notes: self.text("notes"),
            ..new
        })
    }

    fn paper(&self) -> Paper {
        let text = |key: &str| self.text(key);
        Paper {
            title: text("title"),
            link: text("link"),
            claim: text("claim"),
            reproduced: text("reproduced"),
            status: text("status"),
        }
    }

    fn base(&self) -> Base {
        let base = Base::new(self.count("steps") as u32);
        let or = |key: &str, default: u32| self.number(key).map_or(default, |x| x as u32);
        Base {
            batch: or("batch", base.batch),
            learning_rate: self.float("learning_rate").unwrap_or(base.learning_rate),
            seed: or("seed", base.seed),
            ..base
        }
    }

    fn moment(&self) -> Option<Moment> {
        let when = match self.text("when").as_str() {
            "peak" => When::Peak,
            "trough" => When::Trough,
            "above" => When::Above,
            "below" => When::Below,
            _ => return None,
        };
        Some(Moment {
            metric: self.text("metric"),
            arm: self.text("arm"),
            when,
            level: self.float("level"),
            says: self.text("says"),
        })
    }

    fn now_try(&self) -> NowTry {
        let text = |key: &str| self.text(key);
        NowTry {
            says: text("says"),
            arm: text("arm"),
            find: text("find"),
            replace: text("replace"),
            set: self.get("set").overrides(),
        }
    }
}

/// The text of plain data.
pub fn write<T: Serialize>(value: &T) -> String {
    // Plain data with string keys always serialises.
    serde_json::to_string(value).unwrap_or_default()
}

/// Plain data as a script sees it.
pub fn to_js<T: Serialize>(value: &T) -> JsValue {
    JSON::parse(&write(value)).unwrap_or(JsValue::NULL)
}
