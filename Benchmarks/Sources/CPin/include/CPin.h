#pragma once

// Keeps the calling thread on a core. Swift sees only what is not GNU's own.
void pin_to_core(int core);
