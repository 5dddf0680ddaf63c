//! Downloads that resume.
