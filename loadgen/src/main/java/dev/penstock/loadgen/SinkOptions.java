package dev.penstock.loadgen;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.loadgen.twin.TwinProfile;

/**
 * What a sink offers and how it behaves. Immutable; made by {@link #on}.
 *
 * @param listen     addresses to listen on, port 0 for any free one
 * @param size       SIZE limit in octets, 0 to not offer SIZE
 * @param behaviours by domain, listen address or {@code *}
 * @param received   file that received deliveries are appended to
 * @param seed       of the choices that behaviours with percentages make
 * @param twins      of receivers that it answers as, by listen address or {@code *}
 * @param twinSeed   of their choices
 */
public record SinkOptions(List<InetSocketAddress> listen, int threads, boolean pipelining, boolean chunking,
        boolean eightBit, long size, boolean enhancedCodes, Map<String, Behaviour> behaviours, @Nullable Path received,
        long seed, Map<String, TwinProfile> twins, long twinSeed) {
    private static final long SIZE = 100L << 20;

    public SinkOptions {
        listen = List.copyOf(listen);
        behaviours = Map.copyOf(behaviours);
        twins = Map.copyOf(twins);
        if (listen.isEmpty() || threads < 1 || size < 0) {
            throw new IllegalArgumentException("at least one address and one thread, and no negative size");
        }
    }

    public static Builder on(InetSocketAddress... addresses) {
        return new Builder(List.of(addresses));
    }

    /** Starts from one thread, every extension but CHUNKING offered and everything accepted. */
    public static final class Builder {
        private final List<InetSocketAddress> listen;
        private final Map<String, Behaviour> behaviours = new LinkedHashMap<>();
        private int threads = 1;
        private boolean pipelining = true;
        private boolean chunking;
        private boolean eightBit = true;
        private long size = SIZE;
        private boolean enhancedCodes = true;
        private @Nullable Path received;
        private long seed = 1;
        private final Map<String, TwinProfile> twins = new LinkedHashMap<>();

        private long twinSeed = 1;

        private Builder(List<InetSocketAddress> listen) {
            this.listen = listen;
        }

        public Builder threads(int value) {
            threads = value;
            return this;
        }

        public Builder pipelining(boolean value) {
            pipelining = value;
            return this;
        }

        public Builder chunking(boolean value) {
            chunking = value;
            return this;
        }

        public Builder eightBit(boolean value) {
            eightBit = value;
            return this;
        }

        public Builder size(long value) {
            size = value;
            return this;
        }

        public Builder enhancedCodes(boolean value) {
            enhancedCodes = value;
            return this;
        }

        public Builder behave(String key, Behaviour value) {
            behaviours.put(key, value);
            return this;
        }

        public Builder received(@Nullable Path value) {
            received = value;
            return this;
        }

        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** @param key a listen address, with or without its port, or {@code *} */
        public Builder twin(String key, TwinProfile value) {
            twins.put(key, value);
            return this;
        }

        public Builder twinSeed(long value) {
            twinSeed = value;
            return this;
        }

        public SinkOptions build() {
            return new SinkOptions(listen, threads, pipelining, chunking, eightBit, size, enhancedCodes, behaviours,
                    received, seed, twins, twinSeed);
        }
    }
}
