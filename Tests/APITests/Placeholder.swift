// Placeholder: deleted with the first real file of this target.
