//! Whole workflows on real repositories, with a script in place of models.

mod commands;
mod desk;
mod guards;
mod kills;
mod whole;
