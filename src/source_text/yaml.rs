//! Reads YAML 1.2 and JSON text into the span tree, within limits, reporting every problem with its place.
