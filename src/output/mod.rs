//! One file per format; each writes to the `Write` it is given and decides nothing.
