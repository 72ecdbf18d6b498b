//! A template and answers become a plan, a plan becomes files. It runs no code of a template.
