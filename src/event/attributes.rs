//! The facts of one protocol about an event. Most events have none, and then they take no room and no allocation.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// Facts by name, in order of writing: reads and changes like the map it holds.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "Map<String, Value>")]
pub struct Attributes(Option<Box<Map<String, Value>>>);

impl Deref for Attributes {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Attributes {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0.get_or_insert_default()
    }
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl Serialize for Attributes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl From<Map<String, Value>> for Attributes {
    fn from(map: Map<String, Value>) -> Self {
        Self((!map.is_empty()).then(|| Box::new(map)))
    }
}

impl From<Attributes> for Map<String, Value> {
    fn from(attributes: Attributes) -> Self {
        attributes.0.map(|map| *map).unwrap_or_default()
    }
}

impl<'a> IntoIterator for &'a Attributes {
    type Item = (&'a String, &'a Value);
    type IntoIter = serde_json::map::Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Attributes {
    type Item = (&'a String, &'a mut Value);
    type IntoIter = serde_json::map::IterMut<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::Attributes;
    use crate::event::Event;

    #[test]
    fn none_are_like_an_empty_map_however_they_came_about() {
        let (none, mut emptied) = (Attributes::default(), Attributes::from(Map::new()));
        emptied.insert("qos".into(), json!(1));
        assert_ne!(none, emptied);
        assert_eq!(emptied.get("qos"), Some(&json!(1)));
        emptied.shift_remove("qos");
        assert_eq!((&none, format!("{none:?}")), (&emptied, format!("{emptied:?}")));
        assert_eq!(Map::<String, Value>::from(emptied), Map::new());
    }

    #[test]
    fn an_event_without_them_is_small_enough_to_be_moved_about() {
        assert!(size_of::<Event>() <= 168, "{} bytes", size_of::<Event>());
    }
}
