# vrapl_room(NAME SOURCES a.cc b.cc PUBLIC targets... PRIVATE targets...)
#
# One room of the house: a static library vrapl_NAME with the project's flags. A room without sources
# (headers only) becomes an interface target.
function(vrapl_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  if(ROOM_SOURCES)
    add_library(vrapl_${name} STATIC ${ROOM_SOURCES})
    target_link_libraries(vrapl_${name} PUBLIC vrapl_options ${ROOM_PUBLIC} PRIVATE ${ROOM_PRIVATE})
  else()
    add_library(vrapl_${name} INTERFACE)
    target_link_libraries(vrapl_${name} INTERFACE vrapl_options ${ROOM_PUBLIC})
  endif()
endfunction()
