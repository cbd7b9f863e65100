package dev.penstock.routing;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.MXRecord;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.Record;
import org.xbill.DNS.TXTRecord;
import org.xbill.DNS.Type;

/** What {@link DnsRouter#records} can be asked for, and how a value of it reads. */
public enum RecordType {
    /** The strings of one record put together without anything between (RFC 7208 3.3, RFC 6376 3.6.2.2), an octet a char. */
    TXT(Type.TXT),
    /** A host name in lower case, without the last dot. */
    PTR(Type.PTR),
    A(Type.A),
    AAAA(Type.AAAA),
    /** The host names alone, the preferred first. */
    MX(Type.MX);

    final int code;

    RecordType(int code) {
        this.code = code;
    }

    /** @throws IllegalArgumentException for a record that {@link #code} doesn't ask for */
    static String text(Record record) {
        return switch (record) {
            case TXTRecord txt -> joined(txt);
            case PTRRecord ptr -> DomainNames.text(ptr.getTarget());
            case ARecord a -> a.getAddress().getHostAddress();
            case AAAARecord aaaa -> aaaa.getAddress().getHostAddress();
            case MXRecord mx -> DomainNames.text(mx.getTarget());
            default -> throw new IllegalArgumentException(Type.string(record.getType()));
        };
    }

    private static String joined(TXTRecord txt) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        txt.getStringsAsByteArrays().forEach(all::writeBytes);
        return all.toString(StandardCharsets.ISO_8859_1);
    }
}
