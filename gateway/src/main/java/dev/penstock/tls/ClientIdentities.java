package dev.penstock.tls;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.units.CertificateFileException;
import dev.penstock.units.PemFile;
import dev.penstock.units.RestingFiles;

/**
 * The client's end of TLS by the certificate that hosts are shown, each with sessions of its own, so that none is resumed
 * under another certificate. Thread-safe. The files are looked at with each handshake; a pair that was renewed is taken up
 * when both are good, and until then the one from before stays.
 *
 * <p>Invariant: what is in force for two files is one pair that was good together, read from them; once there is one there
 * always is, and none comes back that another has replaced. So the files of a pair are read by one thread at a time, and
 * what is in force is written by that thread alone, after all has been read.
 */
public final class ClientIdentities {
    private static final Logger log = LoggerFactory.getLogger(ClientIdentities.class);
    /** Pairs of files; then the one that wasn't asked for the longest is forgotten. */
    private static final int MAX = 1_000;

    private final ClientTls nobody;
    /** Guarded by itself, and never while files are looked at. */
    private final Map<Files, Identity> identities = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Files, Identity> eldest) {
            return size() > MAX;
        }
    };

    private record Files(Path chain, Path key) {}

    /** @param nobody without a certificate */
    public ClientIdentities(ClientTls nobody) {
        this.nobody = nobody;
    }

    /**
     * Blocks while it looks at the files.
     *
     * @param chain empty for no certificate
     * @throws CertificateFileException when the files can't be used, and never could
     */
    public ClientTls of(Optional<Path> chain, Optional<Path> key) {
        if (chain.isEmpty() || key.isEmpty()) {
            return nobody;
        }
        Identity identity;
        synchronized (identities) {
            identity = identities.computeIfAbsent(new Files(chain.get(), key.get()), Identity::new);
        }
        return identity.current(nobody);
    }

    private static final class Identity {
        private final Files files;
        private final ReentrantLock lock = new ReentrantLock();
        // Guarded by the lock.
        private @Nullable RestingFiles resting;
        private String problem = "";
        /** Null until the files were good once. */
        private volatile @Nullable ClientTls tls;

        Identity(Files files) {
            this.files = files;
        }

        /** Whoever finds another looking takes what there is. */
        ClientTls current(ClientTls nobody) {
            ClientTls now = tls;
            if (now == null) {
                lock.lock();
            } else if (!lock.tryLock()) {
                return now;
            }
            try {
                return look(nobody);
            } finally {
                lock.unlock();
            }
        }

        private ClientTls look(ClientTls nobody) {
            ClientTls before = tls;
            RestingFiles resting = this.resting;
            if (resting == null) {
                resting = new RestingFiles(files.chain, files.key);
                this.resting = resting;
            }
            RestingFiles.State state = resting.lookNow();
            if (before != null && (state == RestingFiles.State.TAKEN || state == RestingFiles.State.MOVING)) {
                return before;
            }
            try {
                PemFile.Pair pair = PemFile.pair(files.chain, files.key);
                if (before != null && !resting.areStill()) {
                    return before; // what was read may be of two pairs
                }
                ClientTls next = nobody.showing(pair);
                resting.take();
                problem = "";
                tls = next;
                log.info("event=client-certificate-loaded file={} expires={}", files.chain,
                        pair.chain().getFirst().getNotAfter().toInstant());
                return next;
            } catch (CertificateFileException e) {
                if (before == null) {
                    throw e;
                }
                if (!e.getMessage().equals(problem)) {
                    log.error("event=certificate-reload-failed why={} effect=\"the one from before stays\"",
                            e.getMessage());
                }
                problem = e.getMessage();
                return before;
            }
        }
    }
}
