# vrapl_test(NAME_test LABEL unit|fuse|kernel|guest|browser LIBS targets... [TIMEOUT seconds] [SOURCE x.cc]), called in tests/ROOM
#
# One GoogleTest program from tests/ROOM/NAME_test.cc (or SOURCE), registered with ctest as ROOM/NAME_test under its label. What a label needs:
# unit nothing, fuse /dev/fuse, kernel CAP_BPF and BTF, guest libvirt and QEMU, browser chromium and
# python3 (see tests/requirements.h).
# What it ran, and how that ended, stands after each run in build/PRESET/test-results/ROOM/NAME_test.xml.
# Guest tests run inside a private libvirtd; kernel and guest tests measure real time, so they run alone.
function(vrapl_test file)
  cmake_parse_arguments(TEST "" "LABEL;TIMEOUT;SOURCE" "LIBS" ${ARGN})
  get_filename_component(room ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(path ${room}/${file})
  set(name ${room}_${file})
  if(NOT TEST_SOURCE)
    set(TEST_SOURCE ${file}.cc)
  endif()
  add_executable(${name} ${TEST_SOURCE})
  target_link_libraries(${name} PRIVATE vrapl_options vrapl_test_support ${TEST_LIBS} GTest::gmock GTest::gtest_main)
  if(TEST_LABEL STREQUAL "guest")
    add_test(NAME ${path} COMMAND ${CMAKE_SOURCE_DIR}/scripts/guest-test $<TARGET_FILE:${name}>)
  else()
    add_test(NAME ${path} COMMAND ${name})
  endif()
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  set_tests_properties(${path} PROPERTIES LABELS ${TEST_LABEL} TIMEOUT ${TEST_TIMEOUT} SKIP_RETURN_CODE 77
                       ENVIRONMENT "GTEST_OUTPUT=xml:${CMAKE_BINARY_DIR}/test-results/${path}.xml")
  if(TEST_LABEL MATCHES "kernel|guest")
    set_tests_properties(${path} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()

# vrapl_guest_kernel_test(TARGET [ARGUMENTS words...] [TIMEOUT seconds]): runs the static program TARGET in a guest, once with the
# release's own kernel, as ROOM/TARGET_release, and once with the newest of its backports, as ROOM/TARGET_backports.
function(vrapl_guest_kernel_test target)
  cmake_parse_arguments(TEST "" "TIMEOUT" "ARGUMENTS" ${ARGN})
  get_filename_component(room ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 300)
  endif()
  math(EXPR limit "${TEST_TIMEOUT} - 10")
  foreach(kernel release backports)
    set(image ${CMAKE_SOURCE_DIR}/build/guest$<$<STREQUAL:${kernel},backports>:-backports>)
    set(path ${room}/${target}_${kernel})
    add_test(NAME ${path} COMMAND ${CMAKE_SOURCE_DIR}/scripts/guest-kernel-check --image ${image} --timeout ${limit}
             $<TARGET_FILE:${target}> ${TEST_ARGUMENTS})
    set_tests_properties(${path} PROPERTIES LABELS guest TIMEOUT ${TEST_TIMEOUT} SKIP_RETURN_CODE 77 RUN_SERIAL TRUE)
  endforeach()
endfunction()

# vrapl_bench(NAME_bench LIBS targets...): one Google Benchmark program from bench/NAME_bench.cc.
function(vrapl_bench name)
  cmake_parse_arguments(BENCH "" "" "LIBS" ${ARGN})
  add_executable(${name} ${name}.cc)
  target_link_libraries(${name} PRIVATE vrapl_options ${BENCH_LIBS} benchmark::benchmark)
endfunction()
