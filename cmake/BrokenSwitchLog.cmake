# vrapl_broken_switch_log(NAME): in a folder with a switch_log.bpf.c that is broken on purpose
#
# Offers the bpf room and the loads to check it under, both with that program in place of the good one, as
# vrapl_bpf_NAME and vrapl_run_time_loads_NAME.
function(vrapl_broken_switch_log name)
  add_bpf_skeleton(vrapl_${name}_skeleton switch_log.bpf.c
    ${CMAKE_SOURCE_DIR}/bpf/switch_log.bpf.c ${CMAKE_SOURCE_DIR}/bpf/switch_log_format.h)
  vrapl_copy_with(vrapl_bpf ${name} vrapl_switch_log_skeleton vrapl_${name}_skeleton)
  add_dependencies(vrapl_bpf_${name} vrapl_${name}_skeleton_files vrapl_fork_log_skeleton_files
    vrapl_run_time_oracle_skeleton_files)
  vrapl_copy_with(vrapl_run_time_loads ${name} vrapl_bpf vrapl_bpf_${name})
endfunction()

# The library `target` once more as target_NAME, linking `new` where it links `old`.
function(vrapl_copy_with target name old new)
  get_target_property(folder ${target} SOURCE_DIR)
  get_target_property(sources ${target} SOURCES)
  get_target_property(libraries ${target} LINK_LIBRARIES)
  list(TRANSFORM sources PREPEND ${folder}/)
  list(TRANSFORM libraries REPLACE "^${old}$" ${new})
  add_library(${target}_${name} STATIC ${sources})
  target_link_libraries(${target}_${name} PUBLIC ${libraries})
endfunction()
