#include "CProcess.h"

#include <stdio.h>
#include <unistd.h>

pid_t cprocess_fork(void) { return fork(); }

void cprocess_buffer_output_by_line(void) { setvbuf(stdout, NULL, _IOLBF, 0); }
