# gRPC and protobuf as archives on Debian: those that cmake/debian_static.sh has made, the others from the system.

set(POSEWIRE_PIC "" CACHE PATH "The `pic` folder that cmake/debian_static.sh made")
if(NOT EXISTS ${POSEWIRE_PIC}/lib/libprotobuf-lite.a)
  message(FATAL_ERROR "expected position independent archives in POSEWIRE_PIC, found '${POSEWIRE_PIC}'; run "
                      "cmake/debian_static.sh FOLDER and configure with -DPOSEWIRE_PIC=FOLDER/pic")
endif()

find_program(protoc_program protoc REQUIRED)
find_program(grpc_plugin_program grpc_cpp_plugin REQUIRED)
add_executable(posewire_protoc IMPORTED)
set_target_properties(posewire_protoc PROPERTIES IMPORTED_LOCATION ${protoc_program})
add_executable(posewire_grpc_plugin IMPORTED)
set_target_properties(posewire_grpc_plugin PROPERTIES IMPORTED_LOCATION ${grpc_plugin_program})
set(POSEWIRE_PROTOC posewire_protoc)
set(POSEWIRE_GRPC_PLUGIN posewire_grpc_plugin)

find_package(PkgConfig REQUIRED)
if(POSEWIRE_TLS)
  set(flavour grpc++)
else()
  set(flavour grpc++_unsecure)
endif()
execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --static --libs ${flavour} protobuf-lite
                OUTPUT_VARIABLE archives OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(archives)
# Those stay outside: they are the system's.
list(REMOVE_ITEM archives -pthread -lpthread -lrt -lm -ldl -lsystemd -latomic)
add_library(posewire_grpc INTERFACE)
target_link_libraries(posewire_grpc INTERFACE
  -static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL -L${POSEWIRE_PIC}/lib
  -Wl,-Bstatic -Wl,--start-group ${archives} -Wl,--end-group -Wl,-Bdynamic -lpthread -lrt -lm -ldl)
if(NOT POSEWIRE_TLS)
  target_compile_definitions(posewire_grpc INTERFACE POSEWIRE_WITHOUT_TLS)
endif()
