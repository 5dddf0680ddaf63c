//! A small application as a whole server in this process: what a client sees of it.

#[cfg(test)]
mod app;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod client;
#[cfg(test)]
mod crowded;
#[cfg(test)]
mod life;
#[cfg(test)]
mod origins;
#[cfg(test)]
mod page;
#[cfg(test)]
mod pictures;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod secured;
#[cfg(test)]
mod sizes;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod uploads;
