#include "CProcess.h"

#include <unistd.h>

pid_t cprocess_fork(void) { return fork(); }
