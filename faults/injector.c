/* Preloaded into every process of a command: counts calls, and lets the n-th of one kind fail.

Counted are changes of files below a folder, openings of files there, and readings of the clock.
The counts are of all processes of the command together, in a file that each of them maps.

FAULTS_COUNTS    that file: three 64-bit counts, which begin at 0
FAULTS_FOLDER    where files count; modules of Python count nowhere
FAULTS_KIND      kill: the process group is killed; ENOSPC, EIO: a change fails;
                 EMFILE: an opening fails; clock: the clock has jumped; none: calls are only counted
FAULTS_FIRST     the number of the first call that this happens to, from 1
FAULTS_LENGTH    to how many calls it happens, from there on
FAULTS_JUMP_S    by how many seconds the clock jumps
*/

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum count { CHANGES, OPENINGS, READINGS, COUNTS };
enum change { WRITES, DELETES };

static unsigned long long *counts;
static unsigned long long first, length;
static const char *folder, *kind;
static long jump_s;

/* Return the C library's own function. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Read the variables; a process that was forked may call it again, with others. */
__attribute__((constructor)) void faults_begin(void)
{
    const char *file = getenv("FAULTS_COUNTS");
    int descriptor = file ? NEXT(open)(file, O_RDWR | O_CLOEXEC) : -1;
    if (descriptor < 0)
        return;
    folder = getenv("FAULTS_FOLDER");
    kind = getenv("FAULTS_KIND");
    const char *text = getenv("FAULTS_FIRST");
    first = text ? strtoull(text, NULL, 10) : 0;
    text = getenv("FAULTS_LENGTH");
    length = text ? strtoull(text, NULL, 10) : 1;
    text = getenv("FAULTS_JUMP_S");
    jump_s = text ? strtol(text, NULL, 10) : 0;
    void *memory = mmap(NULL, COUNTS * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (memory != MAP_FAILED && folder && kind)
        counts = memory;
}

/* Count a call, and return whether the fault happens to it. */
static int strikes(enum count which)
{
    unsigned long long number = __atomic_add_fetch(&counts[which], 1, __ATOMIC_SEQ_CST);
    return first && number >= first && number - first < length;
}

/* Return whether a path counts. */
static int is_counted(const char *path)
{
    size_t size = strlen(folder);
    if (strncmp(path, folder, size) || path[size] != '/')
        return 0;
    size = strlen(path);
    return !strstr(path, "/__pycache__") && !(size > 3 && !strcmp(path + size - 3, ".py"));
}

/* Return whether an open file counts. */
static int is_counted_file(int descriptor)
{
    char link[64], path[PATH_MAX];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (size < 0)
        return 0;
    path[size] = 0;
    return is_counted(path);
}

/* Return whether a path counts that may be relative to a folder. */
static int is_counted_at(int base, const char *name)
{
    char path[2 * PATH_MAX];
    int saved = errno;
    if (name[0] == '/')
        return is_counted(name);
    if (base == AT_FDCWD) {
        if (!getcwd(path, PATH_MAX))
            path[0] = 0;
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", base);
        ssize_t size = readlink(link, path, PATH_MAX - 1);
        path[size < 0 ? 0 : size] = 0;
    }
    errno = saved;
    size_t size = strlen(path);
    snprintf(path + size, sizeof path - size, "/%s", name);
    return is_counted(path);
}

/* Count a change; return whether it fails, with errno set. A full disk lets files be deleted. */
static int change_fails(enum change change)
{
    if (!strikes(CHANGES))
        return 0;
    if (!strcmp(kind, "kill"))
        kill(0, SIGKILL);
    if (!strcmp(kind, "ENOSPC") && change == WRITES)
        errno = ENOSPC;
    else if (!strcmp(kind, "EIO"))
        errno = EIO;
    else
        return 0;
    return 1;
}

static int opening_fails(int base, const char *path, int flags)
{
    if (!counts || !is_counted_at(base, path))
        return 0;
    if (strikes(OPENINGS) && !strcmp(kind, "EMFILE")) {
        errno = EMFILE;
        return 1;
    }
    return (flags & O_CREAT) && change_fails(WRITES);
}

#define FILE_FAILS(descriptor) (counts && is_counted_file(descriptor) && change_fails(WRITES))
#define PATH_FAILS(base, path, change) (counts && is_counted_at(base, path) && change_fails(change))

#define OPEN(name)                                       \
    int name(const char *path, int flags, ...)           \
    {                                                    \
        va_list rest;                                    \
        va_start(rest, flags);                           \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                    \
        if (opening_fails(AT_FDCWD, path, flags))        \
            return -1;                                   \
        return NEXT(name)(path, flags, mode);            \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                     \
    int name(int base, const char *path, int flags, ...) \
    {                                                    \
        va_list rest;                                    \
        va_start(rest, flags);                           \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                    \
        if (opening_fails(base, path, flags))            \
            return -1;                                   \
        return NEXT(name)(base, path, flags, mode);      \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int descriptor, const void *data, size_t size)
{
    return FILE_FAILS(descriptor) ? -1 : NEXT(write)(descriptor, data, size);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    return FILE_FAILS(descriptor) ? -1 : NEXT(writev)(descriptor, parts, count);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset)
{
    return FILE_FAILS(descriptor) ? -1 : NEXT(pwrite)(descriptor, data, size, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset)
{
    return FILE_FAILS(descriptor) ? -1 : NEXT(pwrite64)(descriptor, data, size, offset);
}

ssize_t sendfile(int target, int source, off_t *offset, size_t size)
{
    static ssize_t (*next)(int, int, off_t *, size_t);
    next = next ? next : dlsym(RTLD_NEXT, "sendfile");
    return FILE_FAILS(target) ? -1 : next(target, source, offset, size);
}

ssize_t sendfile64(int target, int source, off64_t *offset, size_t size)
{
    static ssize_t (*next)(int, int, off64_t *, size_t);
    next = next ? next : dlsym(RTLD_NEXT, "sendfile64");
    return FILE_FAILS(target) ? -1 : next(target, source, offset, size);
}

ssize_t copy_file_range(int source, off64_t *from, int target, off64_t *to, size_t size, unsigned flags)
{
    return FILE_FAILS(target) ? -1 : NEXT(copy_file_range)(source, from, target, to, size, flags);
}

int fsync(int descriptor)
{
    return FILE_FAILS(descriptor) ? -1 : NEXT(fsync)(descriptor);
}

int fdatasync(int descriptor)
{
    return FILE_FAILS(descriptor) ? -1 : NEXT(fdatasync)(descriptor);
}

int ftruncate(int descriptor, off_t size)
{
    return FILE_FAILS(descriptor) ? -1 : NEXT(ftruncate)(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size)
{
    return FILE_FAILS(descriptor) ? -1 : NEXT(ftruncate64)(descriptor, size);
}

int rename(const char *from, const char *to)
{
    return PATH_FAILS(AT_FDCWD, to, WRITES) ? -1 : NEXT(rename)(from, to);
}

int link(const char *from, const char *to)
{
    return PATH_FAILS(AT_FDCWD, to, WRITES) ? -1 : NEXT(link)(from, to);
}

int symlink(const char *from, const char *to)
{
    return PATH_FAILS(AT_FDCWD, to, WRITES) ? -1 : NEXT(symlink)(from, to);
}

int mkdir(const char *path, mode_t mode)
{
    return PATH_FAILS(AT_FDCWD, path, WRITES) ? -1 : NEXT(mkdir)(path, mode);
}

int unlink(const char *path)
{
    return PATH_FAILS(AT_FDCWD, path, DELETES) ? -1 : NEXT(unlink)(path);
}

int unlinkat(int base, const char *path, int flags)
{
    return PATH_FAILS(base, path, DELETES) ? -1 : NEXT(unlinkat)(base, path, flags);
}

int rmdir(const char *path)
{
    return PATH_FAILS(AT_FDCWD, path, DELETES) ? -1 : NEXT(rmdir)(path);
}

/* Count a reading of the clock, and return by how much it is wrong. */
static long jump(void)
{
    return counts && strikes(READINGS) && !strcmp(kind, "clock") ? jump_s : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*next)(clockid_t, struct timespec *);
    next = next ? next : NEXT(clock_gettime);
    int result = next(clock, now);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += jump();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    static int (*next)(struct timeval *restrict, void *restrict);
    next = next ? next : NEXT(gettimeofday);
    int result = next(now, zone);
    if (!result)
        now->tv_sec += jump();
    return result;
}

time_t time(time_t *place)
{
    static time_t (*next)(time_t *);
    next = next ? next : NEXT(time);
    time_t now = next(NULL) + jump();
    if (place)
        *place = now;
    return now;
}
