//! Weather prediction: an analysis and one or several ONNX weather models in; forecasts, ensembles, cyclone tracks,
//! verification, plots and an HTTP service out.

pub mod cli;
pub mod convert;
pub mod forecast;
pub mod http;
pub mod inspect;
pub mod plot;
pub mod points;
pub mod scenario;
pub mod store;
pub mod track;
pub mod verify;
