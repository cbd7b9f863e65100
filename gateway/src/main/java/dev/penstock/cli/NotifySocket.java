package dev.penstock.cli;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A service manager at a Unix datagram socket, which the JDK has no class for: three calls of the C library's. Thread-safe: has no state. */
final class NotifySocket implements ServiceManager {
    private static final Logger log = LoggerFactory.getLogger(NotifySocket.class);
    // <sys/socket.h>, <sys/un.h> of Linux, the same on x86-64 and arm64
    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int PATH_OFFSET = Short.BYTES;
    private static final int MAX_PATH = 108; // octets, sun_path
    private static final AddressLayout POINTER = ValueLayout.ADDRESS;

    private final String address;

    NotifySocket(String address) {
        this.address = address;
    }

    @Override
    public void tell(String state) {
        try {
            send(path(), state.getBytes(UTF_8));
        } catch (IOException | RuntimeException | LinkageError e) {
            log.warn("event=service-manager-not-told socket={} why={}", address, String.valueOf(e.getMessage()));
        }
    }

    private byte[] path() throws IOException {
        byte[] path = address.getBytes(UTF_8);
        if (path.length > MAX_PATH || (path[0] != '/' && path[0] != '@')) {
            throw new IOException("neither a path nor @name of at most " + MAX_PATH + " octets");
        }
        if (path[0] == '@') {
            path[0] = 0;
        }
        return path;
    }

    @SuppressWarnings("restricted") // the launcher allows native access, for Netty as well
    private static void send(byte[] path, byte[] state) throws IOException {
        Linker linker = Linker.nativeLinker();
        SymbolLookup library = linker.defaultLookup();
        MethodHandle socket = linker.downcallHandle(library.findOrThrow("socket"),
                FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
        MethodHandle sendto = linker.downcallHandle(library.findOrThrow("sendto"), FunctionDescriptor.of(JAVA_LONG,
                JAVA_INT, POINTER, JAVA_LONG, JAVA_INT, POINTER, JAVA_INT),
                Linker.Option.captureCallState("errno"));
        MethodHandle close = linker.downcallHandle(library.findOrThrow("close"),
                FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment to = arena.allocate(PATH_OFFSET + (long) path.length, Short.BYTES);
            to.set(ValueLayout.JAVA_SHORT, 0, (short) AF_UNIX);
            MemorySegment.copy(path, 0, to, JAVA_BYTE, PATH_OFFSET, path.length);
            MemorySegment text = arena.allocateFrom(JAVA_BYTE, state);
            MemorySegment callState = arena.allocate(Linker.Option.captureStateLayout());
            int descriptor = (int) socket.invokeExact(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
            if (descriptor < 0) {
                throw new IOException("no socket is to be had");
            }
            try {
                long sent = (long) sendto.invokeExact(callState, descriptor, text, (long) state.length, MSG_NOSIGNAL,
                        to, (int) to.byteSize());
                if (sent != state.length) {
                    throw new IOException("sendto failed, errno " + callState.get(JAVA_INT, 0));
                }
            } finally {
                int _ = (int) close.invokeExact(descriptor);
            }
        } catch (IOException | RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) { // what method handles declare and these never throw
            throw new IllegalStateException(e);
        }
    }
}
