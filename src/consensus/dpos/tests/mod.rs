//! Delegates in slots.

mod bench;
mod engine;
mod evidence;
mod missed;
mod operations;
mod refusals;
mod rounds;
mod secrets;
mod steps;
mod weights;

use super::*;
