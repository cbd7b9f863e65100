package dev.penstock.egress;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Set;

/** Told how sources are, on the threads that found out; must return at once. */
public interface SourceListener {
    SourceListener NONE = new SourceListener() {
        @Override
        public void worked(Source source) {}

        @Override
        public void failed(Source source, InetSocketAddress host, EgressException why) {}

        @Override
        public void addressesMissing(Source source, Set<InetAddress> addresses) {}

        @Override
        public void addressesBack(String source) {}
    };

    /** A host was reached from it, or refused. */
    void worked(Source source);

    /** A host couldn't be reached, for a reason that lies with the source. */
    void failed(Source source, InetSocketAddress host, EgressException why);

    /**
     * Heard once when addresses of it go missing from this machine, and again when others do.
     *
     * @param addresses not empty
     */
    void addressesMissing(Source source, Set<InetAddress> addresses);

    /** All of them are there again, or it isn't configured any more. */
    void addressesBack(String source);
}
