//! What a sender said beside its data: the headers of its request, where a receiver includes them.

use std::fmt;

use crate::units::ByteCount;

/// The metadata of one request: names in lower case, in the order in which they came, each as often as it came.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Metadata(Vec<(Box<str>, Box<str>)>);

impl Metadata {
    /// The values of `name`, which is in lower case.
    pub fn get<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| **key == *name).map(|(_, value)| &**value)
    }

    /// The values of `names`, which are in lower case, in the order of these names.
    #[must_use]
    pub fn only(&self, names: &[Box<str>]) -> Metadata {
        let values = |name| self.0.iter().filter(move |(key, _)| key == name).cloned();
        Metadata(names.iter().flat_map(values).collect())
    }

    /// Adds `value` of `name`, which is in lower case.
    pub fn add(&mut self, name: &str, value: &str) {
        self.0.push((name.into(), value.into()));
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every name with each of its values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The memory that it takes.
    pub fn size(&self) -> ByteCount {
        let pair = size_of::<(Box<str>, Box<str>)>();
        ByteCount::of(self.0.iter().map(|(name, value)| pair + name.len() + value.len()).sum())
    }
}

/// Names only: values may be credentials.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Metadata {
        Metadata(pairs.into_iter().map(|(name, value)| (name.to_ascii_lowercase().into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_in_the_order_of_the_names_and_an_empty_value_is_a_value() {
        let metadata: Metadata =
            [("Zone", "eu"), ("X-Tenant", "a"), ("other", "1"), ("x-tenant", "b")].into_iter().collect();
        let kept = metadata.only(&["x-tenant".into(), "zone".into(), "absent".into()]);
        assert_eq!(kept.iter().collect::<Vec<_>>(), [("x-tenant", "a"), ("x-tenant", "b"), ("zone", "eu")]);
        let empty: Metadata = [("zone", "")].into_iter().collect();
        assert!(!empty.only(&["zone".into()]).is_empty() && empty.only(&["x-tenant".into()]).is_empty());
    }
}
