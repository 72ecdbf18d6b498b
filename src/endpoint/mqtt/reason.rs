//! Why a broker says no, by number and in words: section 2.4 of the specification of MQTT 5, and 3.2.2.3 of that of 3.1.1.

use std::fmt;

use super::failure::{self, Refusal};
use super::settings::Settings;
use crate::endpoint::{Address, EndpointError, EndpointErrorKind};

/// The names the specification gives to its reasons.
const NAMES: [(u8, &str); 33] = [
    (0x80, "UnspecifiedError"),
    (0x81, "MalformedPacket"),
    (0x82, "ProtocolError"),
    (0x83, "ImplementationSpecificError"),
    (0x84, "UnsupportedProtocolVersion"),
    (0x85, "ClientIdentifierNotValid"),
    (0x86, "BadUserNamePassword"),
    (0x87, "NotAuthorized"),
    (0x88, "ServerUnavailable"),
    (0x89, "ServerBusy"),
    (0x8A, "Banned"),
    (0x8B, "ServerShuttingDown"),
    (0x8C, "BadAuthenticationMethod"),
    (0x8D, "KeepAliveTimeout"),
    (0x8E, "SessionTakenOver"),
    (0x8F, "TopicFilterInvalid"),
    (0x90, "TopicNameInvalid"),
    (0x91, "PacketIdentifierInUse"),
    (0x93, "ReceiveMaximumExceeded"),
    (0x95, "PacketTooLarge"),
    (0x96, "MessageRateTooHigh"),
    (0x97, "QuotaExceeded"),
    (0x98, "AdministrativeAction"),
    (0x99, "PayloadFormatInvalid"),
    (0x9A, "RetainNotSupported"),
    (0x9B, "QoSNotSupported"),
    (0x9C, "UseAnotherServer"),
    (0x9D, "ServerMoved"),
    (0x9E, "SharedSubscriptionsNotSupported"),
    (0x9F, "ConnectionRateExceeded"),
    (0xA0, "MaximumConnectTime"),
    (0xA1, "SubscriptionIdentifiersNotSupported"),
    (0xA2, "WildcardSubscriptionsNotSupported"),
];

/// A reason; 0 is a plain yes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) code: u8,
    /// What the broker says of it.
    pub(super) words: Option<String>,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(code, _)| *code == self.code) {
            Some((_, name)) => formatter.write_str(name)?,
            None => write!(formatter, "reason {}", self.code)?,
        }
        self.words.as_ref().map_or(Ok(()), |words| write!(formatter, ": {words}"))
    }
}

impl Reason {
    /// Codes below 128 are a yes.
    pub(super) fn is_yes(&self) -> bool {
        self.code < 0x80
    }

    /// Why an event was not taken.
    pub(super) fn of_event(&self) -> Result<(), EndpointError> {
        let kind = match self.code {
            0..0x80 => return Ok(()),
            0x87 => EndpointErrorKind::Unauthorised,
            0x95 => EndpointErrorKind::TooLarge,
            0x97 => EndpointErrorKind::Full,
            _ => EndpointErrorKind::Rejected,
        };
        Err(failure::publish_refused(kind, &self.to_string()))
    }

    /// Why the greeting was answered with a no.
    pub(super) fn of_greeting(&self, settings: &Settings) -> EndpointError {
        // A broker that knows version 3.1.1 only answers a greeting of version 5 in its own numbers.
        let (refusal, name) = match self.code {
            1 => (Refusal::Version, "RefusedProtocolVersion"),
            2 => (Refusal::ClientId, "BadClientId"),
            3 => (Refusal::Busy, "ServiceUnavailable"),
            4 => (Refusal::Credentials, "BadUserNamePassword"),
            5 => (Refusal::Forbidden, "NotAuthorized"),
            0x84 => (Refusal::Version, ""),
            0x85 => (Refusal::ClientId, ""),
            0x86 | 0x8C => (Refusal::Credentials, ""),
            0x87 | 0x8A => (Refusal::Forbidden, ""),
            0x88 | 0x89 | 0x9F => (Refusal::Busy, ""),
            _ => (Refusal::Other, ""),
        };
        let words = if name.is_empty() { self.to_string() } else { name.to_owned() };
        failure::refusal(refusal, &words, settings)
    }

    /// Why the broker ended the connection, for the events that were under way.
    pub(super) fn of_goodbye(&self, address: &Address) -> EndpointError {
        let kind =
            if self.code == 0x87 { EndpointErrorKind::Unauthorised } else { EndpointErrorKind::Disconnected };
        EndpointError::new(kind, format!("`{address}` ended the connection ({self})"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Reason, Settings};
    use crate::endpoint::{Address, EndpointErrorKind};

    #[test]
    fn reasons_become_the_words_of_a_user() {
        let reason = |code| Reason { code, words: None };
        let kind = |code| reason(code).of_event().err().map(|error| error.kind);
        assert_eq!(kind(0x10), None);
        assert_eq!(kind(0x87), Some(EndpointErrorKind::Unauthorised));
        assert_eq!(kind(0x97), Some(EndpointErrorKind::Full));
        assert_eq!(kind(0x99), Some(EndpointErrorKind::Rejected));
        let address = Address::parse("mqtt://h").expect("an address");
        let settings = Settings::for_probe(&address, None, std::time::Duration::ZERO).expect("settings");
        for (code, kind, words) in [
            (5, EndpointErrorKind::Unauthorised, "NotAuthorized"),
            (0x86, EndpointErrorKind::Unauthorised, "BadUserNamePassword"),
            (1, EndpointErrorKind::Unsupported, "RefusedProtocolVersion"),
            (0x89, EndpointErrorKind::Unreachable, "ServerBusy"),
            (0xEE, EndpointErrorKind::Rejected, "reason 238"),
        ] {
            let error = reason(code).of_greeting(&settings);
            assert!(error.kind == kind && error.message.contains(words), "{error:?}");
        }
        let spoken = Reason { code: 0x8B, words: Some("maintenance".to_owned()) }.of_goodbye(&address);
        assert!(spoken.message.contains("ServerShuttingDown: maintenance"), "{spoken}");
    }
}
