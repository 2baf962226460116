/* Loaded (LD_PRELOAD) into a peer that runs under qemu-user on an emulated host, for the two things that neither QEMU nor
 * a mount namespace can give it:
 *
 * - turbostat ends when it may not raise its limit of open files. It opens a few dozen: it is told that it may.
 * - QEMU 7.2 cannot show AMD's CPUID bit "RAPL" (0x80000007 EDX bit 14). Where VRAPL_PEER_AMD_RAPL is set, the program's own
 *   CPUID instructions are replaced by UD2 and answered from the signal handler: by CPUID, and with that bit.
 *
 * Nothing else is changed: which registers a peer reads, and what it makes of them, is its own doing.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>

#define MAX_SITES 256
#define RAPL_BIT (1u << 14)

static unsigned char *sites[MAX_SITES];
static int site_count;

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit) {
  (void)resource;
  (void)limit;
  return 0;
}

static void answer_cpuid(int number, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  unsigned char *at = (unsigned char *)registers[REG_RIP];
  unsigned eax, ebx, ecx, edx;
  int i;
  (void)number;
  (void)info;
  for (i = 0; i < site_count && sites[i] != at; ++i) {
  }
  if (i == site_count) abort();
  const unsigned leaf = (unsigned)registers[REG_RAX];
  __cpuid_count(leaf, (unsigned)registers[REG_RCX], eax, ebx, ecx, edx);
  if (leaf == 0x80000007) edx |= RAPL_BIT;
  registers[REG_RAX] = eax;
  registers[REG_RBX] = ebx;
  registers[REG_RCX] = ecx;
  registers[REG_RDX] = edx;
  registers[REG_RIP] += 2;
}

/* The first object is the program itself; libraries keep their CPUID. */
static int patch_program(struct dl_phdr_info *object, size_t size, void *unused) {
  (void)size;
  (void)unused;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || (segment->p_flags & PF_X) == 0) continue;
    unsigned char *begin = (unsigned char *)(object->dlpi_addr + segment->p_vaddr);
    unsigned char *end = begin + segment->p_memsz;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *first_page = (unsigned char *)((size_t)begin & ~(page - 1));
    if (mprotect(first_page, (size_t)(end - first_page), PROT_READ | PROT_WRITE | PROT_EXEC) != 0) continue;
    for (unsigned char *at = begin; at + 1 < end; ++at) {
      if (at[0] != 0x0F || at[1] != 0xA2 || site_count == MAX_SITES) continue;
      sites[site_count++] = at++;
    }
    for (int site = 0; site < site_count; ++site) memcpy(sites[site], "\x0F\x0B", 2);
    mprotect(first_page, (size_t)(end - first_page), PROT_READ | PROT_EXEC);
  }
  return 1;
}

__attribute__((constructor)) static void prepare(void) {
  if (getenv("VRAPL_PEER_AMD_RAPL") == NULL) return;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = answer_cpuid;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGILL, &action, NULL);
  dl_iterate_phdr(patch_program, NULL);
}
