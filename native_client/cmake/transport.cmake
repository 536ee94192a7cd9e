# The library itself: the core, the wire, gRPC, the C ABI.

if(POSEWIRE_STATIC AND NOT VCPKG_TARGET_TRIPLET)
  include(cmake/debian_static.cmake) # defines posewire_grpc, and protoc and its plugin
else()
  find_package(Protobuf REQUIRED)
  find_package(gRPC CONFIG REQUIRED)
  add_library(posewire_grpc INTERFACE)
  target_link_libraries(posewire_grpc INTERFACE gRPC::grpc++ protobuf::libprotobuf-lite)
  set(POSEWIRE_PROTOC protobuf::protoc)
  set(POSEWIRE_GRPC_PLUGIN gRPC::grpc_cpp_plugin)
endif()

# Messages are generated for the lite runtime: no descriptors, so that nothing is registered in a table that
# another copy of protobuf in the same process might share.
set(proto_root ${CMAKE_CURRENT_SOURCE_DIR}/../proto)
set(generated ${CMAKE_CURRENT_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${generated})
add_custom_command(
  OUTPUT ${generated}/posewire_proto/v1/posewire.pb.cc ${generated}/posewire_proto/v1/posewire.pb.h
         ${generated}/posewire_proto/v1/posewire.grpc.pb.cc ${generated}/posewire_proto/v1/posewire.grpc.pb.h
  COMMAND ${POSEWIRE_PROTOC} -I ${proto_root} --cpp_out=lite:${generated} --grpc_out=${generated}
          --plugin=protoc-gen-grpc=$<TARGET_FILE:${POSEWIRE_GRPC_PLUGIN}> posewire_proto/v1/posewire.proto
  DEPENDS ${proto_root}/posewire_proto/v1/posewire.proto
  VERBATIM)
add_custom_command(
  OUTPUT ${generated}/rpc_details.pb.cc ${generated}/rpc_details.pb.h
  COMMAND ${POSEWIRE_PROTOC} -I ${CMAKE_CURRENT_SOURCE_DIR}/proto --cpp_out=lite:${generated} rpc_details.proto
  DEPENDS proto/rpc_details.proto
  VERBATIM)
add_library(posewire_messages STATIC
  ${generated}/posewire_proto/v1/posewire.pb.cc ${generated}/posewire_proto/v1/posewire.grpc.pb.cc
  ${generated}/rpc_details.pb.cc)
target_include_directories(posewire_messages SYSTEM PUBLIC ${generated})
target_link_libraries(posewire_messages PUBLIC posewire_grpc)

# Objects, so that fuzz targets can be linked with them too.
add_library(posewire_api OBJECT
  src/api_client.cpp src/api_core.cpp src/api_live.cpp src/api_player.cpp src/api_stream.cpp src/grpc_calls.cpp
  src/grpc_live.cpp src/grpc_network.cpp src/wire.cpp)
target_link_libraries(posewire_api PUBLIC posewire_core posewire_messages)
target_compile_definitions(posewire_api PRIVATE POSEWIRE_BUILD POSEWIRE_VERSION="${PROJECT_VERSION}")
if(NOT MSVC)
  target_compile_options(posewire_api PRIVATE -ffunction-sections -fdata-sections)
endif()

# ---------------------------------------------------------------- what leaves: the names of exports.txt, no more
add_library(posewire SHARED $<TARGET_OBJECTS:posewire_api>)
target_link_libraries(posewire PRIVATE posewire_core posewire_messages)
target_include_directories(posewire INTERFACE include)
file(STRINGS exports.txt exports)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS exports.txt)
if(APPLE)
  list(TRANSFORM exports PREPEND "_" OUTPUT_VARIABLE names)
  list(JOIN names "\n" names)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/exports.sym "${names}\n")
  target_link_options(posewire PRIVATE -Wl,-exported_symbols_list,${CMAKE_CURRENT_BINARY_DIR}/exports.sym -Wl,-dead_strip)
elseif(UNIX)
  list(JOIN exports "; " names)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/exports.map "{ global: ${names}; local: *; };\n")
  # nodelete: gRPC's own threads may outlive the last client for a moment, whatever unloads the library.
  target_link_options(posewire PRIVATE -Wl,--version-script=${CMAKE_CURRENT_BINARY_DIR}/exports.map -Wl,--gc-sections
                      -Wl,-z,nodelete)
  if(NOT POSEWIRE_SANITIZE)
    target_link_options(posewire PRIVATE -Wl,--no-undefined)
  endif()
endif()

include(GNUInstallDirs)
install(TARGETS posewire LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/posewire.h include/posewire.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
