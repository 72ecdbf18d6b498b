//! What of an HTTP message says how it was carried, not what it is (RFC 9110 section 7.6.1, RFC 9112).

/// Headers, in small letters, that no event can set and none is made of.
pub const HEADERS_OF_TRANSFER: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
