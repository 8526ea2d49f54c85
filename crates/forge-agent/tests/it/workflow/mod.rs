//! Whole workflows on real repositories, with a script in place of models.

mod desk;
mod kills;
mod whole;
