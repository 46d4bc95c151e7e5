//! The stages advantage, loss and optimize, against the functions of `algorithm` from identical buffers and against
//! TRL's golden vectors. Tolerance, unless a test says otherwise: 1e-4 relative plus 2e-5 of the largest number of the
//! buffer (at least 1).

mod advantage;
mod batch;
mod golden;
mod loss;
mod optimize;
mod outer;
mod refill;
