/* A clock that a test sets: what the file OFFSET_FILE names says, in milliseconds, is added to the machine's time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>

int clock_gettime(clockid_t clock, struct timespec *told) {
    int result = (int)syscall(SYS_clock_gettime, clock, told);
    const char *path = getenv("OFFSET_FILE");
    if (result == 0 && clock == CLOCK_REALTIME && path) {
        long long offset_ms = 0;
        FILE *file = fopen(path, "r");
        if (file) {
            if (fscanf(file, "%lld", &offset_ms) != 1) offset_ms = 0;
            fclose(file);
        }
        long long nanos = told->tv_nsec + (offset_ms % 1000) * 1000000LL;
        told->tv_sec += offset_ms / 1000;
        if (nanos < 0) { nanos += 1000000000LL; told->tv_sec -= 1; }
        if (nanos >= 1000000000LL) { nanos -= 1000000000LL; told->tv_sec += 1; }
        told->tv_nsec = nanos;
    }
    return result;
}
