# vrapl_link_statically(TARGET): a program that needs no library where it runs, such as a guest that has nothing but a kernel.
#
# Archives stand in for the shared libraries (cmake/link-static). The linker is told to keep its warnings to itself: the only
# ones are about getaddrinfo() and its like in libraries, which no program of ours calls.
function(vrapl_link_statically target)
  target_link_options(${target} PRIVATE -static LINKER:--no-warnings)
  set_target_properties(${target} PROPERTIES RULE_LAUNCH_LINK ${CMAKE_SOURCE_DIR}/cmake/link-static)
endfunction()
