//! Options after the `?` of an address (over HTTP after the `#`), read with their names checked. It knows no system.

use super::{Address, EndpointError, EndpointErrorKind};

/// The options of one address, all of them known.
#[derive(Debug)]
pub(super) struct AddressOptions<'a> {
    address: &'a Address,
}

impl<'a> AddressOptions<'a> {
    /// Checks that every option is one of `known`.
    ///
    /// # Errors
    /// The first unknown option, with the nearest known one.
    pub(super) fn new(address: &'a Address, known: &[&'static str]) -> Result<Self, EndpointError> {
        let unknown = address.options.iter().find(|(name, _)| !known.contains(&name.as_str()));
        let Some((name, _)) = unknown else {
            return Ok(Self { address });
        };
        let all = known.iter().map(|each| format!("`{each}`")).collect::<Vec<_>>().join(", ");
        let near = crate::diagnostic::nearest(name, known.iter().copied());
        let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let message = format!("unknown option `{name}` in the address of `{address}`");
        Err(EndpointError::new(EndpointErrorKind::Unsupported, message)
            .help(format!("{near}known options are {all}")))
    }

    /// The text of an option.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.address.option(name)
    }

    /// Every text of an option that may come several times.
    #[cfg(feature = "http")]
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let pairs = self.address.options.iter().filter(move |(key, _)| key == name);
        pairs.map(|(_, value)| value.as_str())
    }

    /// A whole number in `range`.
    ///
    /// # Errors
    /// When it is written but is no such number.
    pub(super) fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<Option<u32>, EndpointError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let number = text.parse::<u32>().ok().filter(|number| range.contains(number));
        number.map(Some).ok_or_else(|| {
            self.wrong(name, text, &format!("a whole number from {} to {}", range.start(), range.end()))
        })
    }

    /// A yes or no; the bare name is a yes.
    ///
    /// # Errors
    /// When it is written but is neither.
    #[cfg(any(test, feature = "http", feature = "kafka", feature = "mqtt"))]
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, EndpointError> {
        match self.text(name) {
            None => Ok(None),
            Some("" | "true" | "1" | "yes") => Ok(Some(true)),
            Some("false" | "0" | "no") => Ok(Some(false)),
            Some(text) => Err(self.wrong(name, text, "`true` or `false`")),
        }
    }

    /// The error for a value that cannot be used.
    pub(super) fn wrong(&self, name: &str, text: &str, wanted: &str) -> EndpointError {
        let message = format!("`{name}={text}` in the address of `{}` cannot be used", self.address);
        EndpointError::new(EndpointErrorKind::Unsupported, message).help(format!("write {wanted}"))
    }
}

#[cfg(test)]
mod tests {
    use super::AddressOptions;
    use crate::endpoint::Address;

    #[test]
    fn names_and_values_are_checked() {
        let address = Address::parse("mqtt://h/t?qos=3&retain").expect("an address");
        let options = AddressOptions::new(&address, &["qos", "retain"]).expect("known");
        assert_eq!(options.flag("retain").expect("a flag"), Some(true));
        assert_eq!(options.flag("clean").expect("absent"), None);
        let error = options.number("qos", 0..=2).expect_err("out of range");
        assert_eq!(error.help.as_deref(), Some("write a whole number from 0 to 2"));
        let error = AddressOptions::new(&address, &["qos", "retained"]).expect_err("unknown");
        assert!(error.help.expect("help").contains("did you mean `retained`"));
    }
}
