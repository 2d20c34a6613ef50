/*
 * What Linux's memory manager costs on the host: the operations of benches/memory_manager.rs,
 * made by the host's own kernel. It is C because `unsafe` Rust is forbidden here.
 *
 *     cc -O2 -Wall -Wextra -o target/faults benches/native/faults.c && target/faults
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, FAULTS = 256, BYTES = FAULTS * PAGE, ROUNDS = 400 };

#define GRANULARITY ((size_t)0x10000)
#define REGIONS 100000L
#define REGION_CALLS 4096

static void must(int holds, const char *what)
{
    if (!holds) {
        perror(what);
        exit(1);
    }
}

static double now(void)
{
    struct timespec time;
    must(clock_gettime(CLOCK_MONOTONIC, &time) == 0, "clock_gettime");
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int by_size(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

/* Prints the fastest round and the one in the middle, as nanoseconds an operation. */
static void report(const char *name, double *rounds, int count, int operations)
{
    qsort(rounds, count, sizeof *rounds, by_size);
    printf("| %s | %.0f | %.0f |\n", name, rounds[0] / operations, rounds[count / 2] / operations);
}

static volatile uint64_t *word(char *base, long page)
{
    return (volatile uint64_t *)(base + page * PAGE);
}

static char *map(int protection, int flags, int file)
{
    char *base = mmap(NULL, BYTES, protection, flags, file, 0);
    must(base != MAP_FAILED, "mmap");
    /* Where the kernel has no huge pages it says so, and there is nothing to turn off. */
    (void)madvise(base, BYTES, MADV_NOHUGEPAGE);
    return base;
}

static void store_to_all(char *base)
{
    for (long page = 0; page < FAULTS; page++)
        *word(base, page) = ~(uint64_t)page;
}

/* A first store to each page of a fresh mapping, whose last words then hold `last`. */
static void first_stores(const char *name, int flags, int file, int numbered)
{
    double rounds[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        char *base = map(PROT_READ | PROT_WRITE, flags, file);
        double start = now();
        store_to_all(base);
        rounds[round] = now() - start;
        for (long page = 0; page < FAULTS; page++) {
            uint64_t last = *(uint64_t *)(base + page * PAGE + PAGE - 8);
            must(last == (numbered ? (uint64_t)page : 0), "the page is another");
        }
        must(munmap(base, BYTES) == 0, "munmap");
    }
    report(name, rounds, ROUNDS, FAULTS);
}

/* Pages that were written leave with their mapping. */
static void unmappings(const char *name, int flags, int file)
{
    double rounds[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        char *base = map(PROT_READ | PROT_WRITE, flags, file);
        store_to_all(base);
        double start = now();
        must(munmap(base, BYTES) == 0, "munmap");
        rounds[round] = now() - start;
    }
    report(name, rounds, ROUNDS, FAULTS);
}

static volatile sig_atomic_t faults;
static sigjmp_buf refused;

static void unprotect(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    uintptr_t page = (uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1);
    faults++;
    if (mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE) != 0)
        _exit(1);
}

static void refuse(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    faults++;
    siglongjmp(refused, 1);
}

static void handle(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    must(sigaction(SIGSEGV, &action, NULL) == 0, "sigaction");
}

/* A load from each page that may not be touched; the handler of the signal lets it be. */
static void guards(void)
{
    double rounds[ROUNDS];
    char *base = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    store_to_all(base);
    handle(unprotect);
    for (int round = 0; round < ROUNDS; round++) {
        must(mprotect(base, BYTES, PROT_NONE) == 0, "mprotect");
        faults = 0;
        double start = now();
        for (long page = 0; page < FAULTS; page++)
            must(*word(base, page) == ~(uint64_t)page, "the page is another");
        rounds[round] = now() - start;
        must(faults == FAULTS, "not every load faulted");
    }
    report("guard: SIGSEGV and mprotect", rounds, ROUNDS, FAULTS);
    must(munmap(base, BYTES) == 0, "munmap");
}

/* A store to each page that is read-only, which the handler of the signal jumps out of. */
static void refusals(void)
{
    double rounds[ROUNDS];
    char *base = map(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    handle(refuse);
    for (int round = 0; round < ROUNDS; round++) {
        volatile long page;
        faults = 0;
        double start = now();
        for (page = 0; page < FAULTS; page++)
            if (sigsetjmp(refused, 0) == 0)
                *word(base, page) = 1;
        rounds[round] = now() - start;
        must(faults == FAULTS, "not every store was refused");
    }
    report("refusal: SIGSEGV", rounds, ROUNDS, FAULTS);
    must(munmap(base, BYTES) == 0, "munmap");
}

/* How many mappings a process may have, but for some that it needs itself. */
static long most_regions(void)
{
    long limit = 65530;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    if (file != NULL) {
        must(fscanf(file, "%ld", &limit) == 1, "max_map_count");
        fclose(file);
    }
    return limit - 1000 < REGIONS ? limit - 1000 : REGIONS;
}

/* A mapping made and taken away beside many others. */
static void regions(int file)
{
    enum { CALL_ROUNDS = 40 };
    double private[CALL_ROUNDS], shared[CALL_ROUNDS];
    char name[96];
    long count = most_regions();
    char *room = mmap(NULL, count * GRANULARITY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(room != MAP_FAILED && munmap(room, count * GRANULARITY) == 0, "room for all regions");
    for (long number = 0; number < count; number++) {
        char *at = room + number * GRANULARITY;
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
        must(mmap(at, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0) == at, "a region");
    }
    for (int round = 0; round < CALL_ROUNDS; round++) {
        double start = now();
        for (int call = 0; call < REGION_CALLS; call++) {
            int flags = MAP_PRIVATE | MAP_ANONYMOUS;
            char *base = mmap(NULL, 2 * GRANULARITY, PROT_READ | PROT_WRITE, flags, -1, 0);
            must(base != MAP_FAILED && munmap(base, 2 * GRANULARITY) == 0, "mmap, munmap");
        }
        private[round] = now() - start;
        start = now();
        for (int call = 0; call < REGION_CALLS; call++) {
            char *base = mmap(NULL, 2 * GRANULARITY, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            must(base != MAP_FAILED && munmap(base, 2 * GRANULARITY) == 0, "mmap, munmap");
        }
        shared[round] = now() - start;
    }
    snprintf(name, sizeof name, "allocate, free: mmap, munmap among %ld", count);
    report(name, private, CALL_ROUNDS, REGION_CALLS);
    snprintf(name, sizeof name, "map, unmap: mmap, munmap of a file among %ld", count);
    report(name, shared, CALL_ROUNDS, REGION_CALLS);
}

int main(void)
{
    int file = memfd_create("pages", 0);
    must(file >= 0 && ftruncate(file, BYTES) == 0, "memfd_create");
    char *pages = map(PROT_READ | PROT_WRITE, MAP_SHARED, file);
    for (long page = 0; page < FAULTS; page++)
        *(uint64_t *)(pages + page * PAGE + PAGE - 8) = page;

    printf("| operation | fastest, ns | median, ns |\n|---|--:|--:|\n");
    first_stores("demand zero, with the zeroing", MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    guards();
    refusals();
    first_stores("copy on write, with the copy: MAP_PRIVATE", MAP_PRIVATE, file, 1);
    first_stores("shared: MAP_SHARED", MAP_SHARED, file, 1);
    unmappings("a page unmapped: munmap of MAP_SHARED", MAP_SHARED, file);
    unmappings("a page released: munmap of MAP_PRIVATE", MAP_PRIVATE | MAP_ANONYMOUS, -1);
    regions(file);
    return 0;
}
