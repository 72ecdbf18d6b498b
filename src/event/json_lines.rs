//! The event as one JSON line, the form it has in archives, files and pipes.
