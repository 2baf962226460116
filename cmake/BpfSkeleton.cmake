# add_bpf_skeleton(TARGET x.bpf.c [headers...])
#
# Compiles x.bpf.c for the BPF machine, makes x.skel.h of it, and offers both as the interface target TARGET.
# The kernel's types are not generated from the build machine: the program declares the few fields it reads and
# lets CO-RE relocate them, so a build needs no BTF and gives the same object everywhere.
find_program(VRAPL_BPF_CLANG NAMES clang clang-14 clang-15 clang-16 REQUIRED)
find_program(VRAPL_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

function(add_bpf_skeleton target source)
  get_filename_component(stem ${source} NAME_WE)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${stem}.bpf.o)
  set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/${stem}.skel.h)
  add_custom_command(
    OUTPUT ${object}
    # -fno-stack-protector: a distribution's default that means nothing to BPF.
    COMMAND ${VRAPL_BPF_CLANG} -target bpf -D__TARGET_ARCH_x86 -mcpu=v3 -O2 -g -Wall -Werror
            -fno-stack-protector -I${CMAKE_SOURCE_DIR} -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source} ${ARGN}
    COMMENT "BPF ${source}" VERBATIM)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND sh -c "\"$1\" gen skeleton \"$2\" name ${stem}_program > \"$3\"" -- ${VRAPL_BPFTOOL} ${object} ${skeleton}
    DEPENDS ${object} COMMENT "BPF skeleton ${stem}.skel.h" VERBATIM)
  add_custom_target(${target}_files DEPENDS ${skeleton})
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_files)
  target_include_directories(${target} SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(${target} INTERFACE PkgConfig::LIBBPF)
endfunction()
