#ifndef CREACTOR_H
#define CREACTOR_H

// The kernel interfaces that the reactor drives, one header per concern.

#include "creactor_clock.h"
#include "creactor_epoll.h"
#include "creactor_event.h"
#include "creactor_file.h"
#include "creactor_process.h"
#include "creactor_socket.h"
#include "creactor_uring.h"
#include "creactor_uring_requests.h"

#endif
