#ifndef CREACTOR_URING_H
#define CREACTOR_URING_H

#include <liburing.h>

#endif
