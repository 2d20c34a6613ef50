//! The `lookaside` command as a user meets it: what it prints, where, and how it exits.
#![cfg(unix)]

mod bad_input;
mod baseline;
mod compare;
mod conform;
mod cpus;
mod curve;
mod golden;
mod interrupt;
mod limits;
mod maps;
mod memory;
mod modes;
mod outputs;
mod paging;
mod pipes;
mod pressure;
mod processors;
mod record;
mod sim;
mod support;
mod transcripts;
mod vm;
mod walk;
mod why;
