#ifndef CREACTOR_H
#define CREACTOR_H
#endif
