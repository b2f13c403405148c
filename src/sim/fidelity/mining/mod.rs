//! The economics of mining: who earns what, who mines at which price, and what happens when a machine joins that is a hundred
//! thousand times as fast as everybody else.
//!
//! - [`fair`]: miners earn in proportion to their hash rates
//! - [`jump`]: the hash rate jumps by 10⁵, up and down again
//! - [`cost`]: miners whose machines cost something, halvings and prices, and the price of an attack

pub mod cost;
pub mod fair;
pub mod jump;

use crate::sim::freeze;
use crate::spec::{FrozenSpec, Spec};

/// A chain of work with a block a second and these lines below [pow] and in front of it.
fn chain(head: &str, pow: &str, tries: u32) -> FrozenSpec {
    let text = format!(
        "name = \"mining\"\ndev = true\n\
         [genesis]\naccounts = [{{ dev = \"alice\", amount = \"1000000\", age = \"60d\" }}]\n\
         {head}\n\
         [consensus]\nengine = \"pow\"\n\
         [pow]\nblock_time = \"1s\"\n{pow}\n"
    );
    let spec = Spec::parse("mining", &text).expect("it is valid for what is said here");
    freeze(spec, tries)
}

#[cfg(test)]
mod tests;
