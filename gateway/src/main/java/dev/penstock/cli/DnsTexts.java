package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.xbill.DNS.DClass;
import org.xbill.DNS.ExtendedResolver;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.RRset;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Resolver;
import org.xbill.DNS.Section;
import org.xbill.DNS.SimpleResolver;
import org.xbill.DNS.TXTRecord;
import org.xbill.DNS.Type;

import dev.penstock.dkim.PublicKeys;

/** Keys as they are published in the DNS, asked of one recursive server. Blocks; confined to the main thread. */
final class DnsTexts implements PublicKeys {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);

    private final Resolver resolver;

    /** @param server {@code HOST} or {@code HOST:PORT}; null for those of the system */
    DnsTexts(@Nullable String server) throws UnknownHostException {
        if (server == null) {
            resolver = new ExtendedResolver();
        } else {
            int colon = server.indexOf(':') == server.lastIndexOf(':') ? server.indexOf(':') : -1;
            SimpleResolver one = new SimpleResolver(colon < 0 ? server : server.substring(0, colon));
            if (colon >= 0) {
                one.setPort(Integer.parseInt(server.substring(colon + 1)));
            }
            resolver = one;
        }
        resolver.setTimeout(TIMEOUT);
    }

    @Override
    public Answer find(String name) {
        try {
            Message answer = resolver.send(
                    Message.newQuery(Record.newRecord(Name.fromString(name + "."), Type.TXT, DClass.IN)));
            int code = answer.getRcode();
            if (code != Rcode.NOERROR && code != Rcode.NXDOMAIN) {
                return new Failed(Rcode.string(code));
            }
            List<String> texts = new ArrayList<>();
            for (RRset set : answer.getSectionRRsets(Section.ANSWER)) {
                if (set.getType() == Type.TXT) { // behind aliases, too
                    set.rrs().forEach(record -> texts.add(joined((TXTRecord) record)));
                }
            }
            return texts.isEmpty() ? new None() : new Found(texts);
        } catch (IOException e) {
            return new Failed(String.valueOf(e.getMessage()));
        }
    }

    /** RFC 6376 3.6.2.2: without anything between the strings. */
    private static String joined(TXTRecord record) {
        StringBuilder text = new StringBuilder();
        record.getStringsAsByteArrays().forEach(octets -> text.append(new String(octets, ISO_8859_1)));
        return text.toString();
    }
}
