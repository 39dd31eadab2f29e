#ifndef CPROCESS_H
#define CPROCESS_H

#include <sys/types.h>

#include "CProcessControl.h"
#include "CProcessGuard.h"

// Process calls that Swift's Glibc overlay hides or cannot import.

/// fork(2). Swift marks it unavailable because only async-signal-safe code may follow in the child of
/// a threaded process; callers here fork before they start any thread.
pid_t cprocess_fork(void);

/// setvbuf(3) of standard output, which Swift cannot name: a line at a time.
void cprocess_buffer_output_by_line(void);

#endif
