//! The graph of services, channels and messages: built, queried, laid out. It draws nothing.
