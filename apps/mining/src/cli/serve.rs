//! placeholder until the branch with the server is merged
