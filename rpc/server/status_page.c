#include "rpc/server/status_page.h"

/* The assembler puts the file among the constants. */
__asm__(".section .rodata\n"
        ".global rpc_status_page_begin, rpc_status_page_end\n"
        ".hidden rpc_status_page_begin, rpc_status_page_end\n"
        "rpc_status_page_begin: .incbin \"rpc/server/status.html\"\n"
        "rpc_status_page_end: .byte 0\n"
        ".previous\n");

extern const uint8_t rpc_status_page_begin[], rpc_status_page_end[];

struct bytes status_page(void)
{
    return bytes_of(rpc_status_page_begin, (size_t)(rpc_status_page_end - rpc_status_page_begin));
}
