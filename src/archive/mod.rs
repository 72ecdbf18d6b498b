//! The recording format: frames, index, crash repair. It knows events, not endpoints or contracts.
