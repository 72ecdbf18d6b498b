//! Options after the `?` of an address (over HTTP after the `#`), read with their names checked. It knows no system.

use super::masking::{is_secret, mask_unknown, option_part};
use super::{Address, EndpointError, EndpointErrorKind};

/// The options of one address, all of them known.
#[derive(Debug)]
pub(super) struct AddressOptions<'a> {
    address: &'a Address,
    known: Vec<&'static str>,
}

impl<'a> AddressOptions<'a> {
    /// Checks that every option is one of `known`.
    ///
    /// # Errors
    /// The first unknown option, with the nearest known one.
    #[cfg(any(
        test,
        feature = "amqp",
        feature = "http",
        feature = "kafka",
        feature = "mqtt",
        feature = "nats"
    ))]
    pub(super) fn new(address: &'a Address, known: &[&'static str]) -> Result<Self, EndpointError> {
        Self::of_role(address, known, (&[], ""))
    }

    /// The same where a system has options that count only `when` something else is done, such as `sending`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn of_role(
        address: &'a Address,
        known: &[&'static str],
        (others, when): (&[&'static str], &str),
    ) -> Result<Self, EndpointError> {
        let unknown = address.options.iter().find(|(name, _)| !known.contains(&name.as_str()));
        match unknown {
            Some((name, _)) if others.contains(&name.as_str()) && address.origin(name).is_none() => {
                let options = Self { address, known: known.iter().chain(others).copied().collect() };
                Err(options.out_of_place(name, when))
            }
            Some((name, _)) => Err(unknown_option(address, name, known)),
            None => Ok(Self { address, known: known.to_vec() }),
        }
    }

    fn out_of_place(&self, name: &str, when: &str) -> EndpointError {
        let message = format!("`{name}` in the address of `{}` counts only when {when}", self.address);
        let mut error = EndpointError::new(EndpointErrorKind::Unsupported, message).help("leave it out here");
        let written = mask_unknown(&self.address.written, &self.known);
        error.wrong = option_part(&written, name).map(|(range, _)| Box::new((written, range)));
        error
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
    #[cfg(any(test, feature = "amqp", feature = "http", feature = "kafka", feature = "mqtt"))]
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, EndpointError> {
        match self.text(name) {
            None => Ok(None),
            Some("" | "true" | "1" | "yes") => Ok(Some(true)),
            Some("false" | "0" | "no") => Ok(Some(false)),
            Some(text) => Err(self.wrong(name, text, "`true` or `false`")),
        }
    }

    /// The error for a value that cannot be used; `wanted` is the accepted form.
    pub(super) fn wrong(&self, name: &str, text: &str, wanted: &str) -> EndpointError {
        let shown = if is_secret(name) { "***" } else { text };
        let place = match self.address.origin(name) {
            Some(origin) => format!("`{shown}` is no value for {origin}"),
            None => format!("`{name}={shown}` in the address of `{}` cannot be used", self.address),
        };
        let error = EndpointError::new(EndpointErrorKind::Unsupported, place).help(format!("write {wanted}"));
        self.marked(name, error)
    }

    /// The error with the value of an option underlined, or its name where it has no value, when it stands in the address.
    pub(super) fn marked(&self, name: &str, mut error: EndpointError) -> EndpointError {
        let written = mask_unknown(&self.address.written, &self.known);
        let part = option_part(&written, name).filter(|_| self.address.origin(name).is_none());
        error.wrong = part.map(|(name, value)| {
            let range = if value.is_empty() { name } else { value };
            Box::new((written, range))
        });
        error
    }
}

fn unknown_option(address: &Address, name: &str, known: &[&'static str]) -> EndpointError {
    let all = known.iter().map(|each| format!("`{each}`")).collect::<Vec<_>>().join(", ");
    if let Some(origin) = address.origin(name) {
        let message = format!("{origin} is of no use to `{address}`, which has no option `{name}`");
        return EndpointError::new(EndpointErrorKind::Unsupported, message).help(format!(
            "leave it out, or give it only to the servers that need it, under `servers.NAME.tls` or `servers.NAME.auth`; \
             options known here are {all}"
        ));
    }
    let near = crate::diagnostic::nearest(name, known.iter().copied());
    let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let message = format!("unknown option `{name}` in the address of `{address}`");
    let mut error = EndpointError::new(EndpointErrorKind::Unsupported, message)
        .help(format!("{near}known options are {all}"));
    let written = mask_unknown(&address.written, known);
    error.wrong = option_part(&written, name).map(|(range, _)| Box::new((written, range)));
    error
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

    #[test]
    fn what_counts_elsewhere_is_not_called_unknown() {
        let address = Address::parse("redis://h/s?maxlen=5").expect("an address");
        let error =
            AddressOptions::of_role(&address, &["db"], (&["maxlen"], "sending")).expect_err("not here");
        assert_eq!(error.message, "`maxlen` in the address of `redis://h:6379/s` counts only when sending");
        let (text, range) = *error.wrong.expect("a mark");
        assert_eq!((text.as_str(), &text[range]), ("redis://h/s?maxlen=5", "maxlen"));
        let error = AddressOptions::of_role(&address, &["db"], (&["id"], "sending")).expect_err("unknown");
        assert!(error.message.starts_with("unknown option `maxlen`"), "{error}");
    }

    #[test]
    fn the_part_that_is_wrong_is_marked_and_no_secret_shown() {
        let marked = |error: &super::EndpointError| {
            let (text, range) = *error.wrong.clone().expect("a mark");
            (text.clone(), text[range].to_owned())
        };
        let address = Address::parse("mqtt://me:hunter2@h/t?qos=3&pasword=hunter3").expect("an address");
        let error = AddressOptions::new(&address, &["qos"]).expect_err("unknown");
        assert_eq!(marked(&error), ("mqtt://me:***@h/t?qos=3&pasword=***".to_owned(), "pasword".to_owned()));
        let options = AddressOptions::new(&address, &["qos", "pasword"]).expect("known");
        assert_eq!(marked(&options.number("qos", 0..=2).expect_err("out of range")).1, "3");
    }

    #[test]
    fn options_of_an_environment_name_it() {
        let mut address = Address::parse("mqtt://h/t?qos=1").expect("an address");
        address.grant("qos", "2".to_owned(), "`qos`");
        assert_eq!(address.option("qos"), Some("1"), "what is written stays");
        address.grant("creds", "a.creds".to_owned(), "`auth.creds` of environment `staging`");
        let error = AddressOptions::new(&address, &["qos"]).expect_err("unknown");
        assert!(error.message.starts_with("`auth.creds` of environment `staging` is of no use"), "{error}");
        assert!(error.wrong.is_none(), "nothing of it stands in the address");
    }
}
