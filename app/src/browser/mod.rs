//! What the page takes from the browser: its address, its clock, its JavaScript modules, plain data across the boundary, and
//! whether a page of another site is around it. Nothing here knows the page's state.

pub mod address;
pub mod framed;
pub mod modules;
pub mod plain;
pub mod time;
