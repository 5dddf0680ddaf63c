//! Removing stereo marks that distinguish nothing.
use crate::mol::Mol;

pub(crate) fn remove_meaningless(_mol: &mut Mol) {}
