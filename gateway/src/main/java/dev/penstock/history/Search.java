package dev.penstock.history;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import org.apache.lucene.document.IntPoint;
import org.apache.lucene.index.LeafReader;
import org.apache.lucene.index.LeafReaderContext;
import org.apache.lucene.index.NumericDocValues;
import org.apache.lucene.search.BooleanClause.Occur;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.DocIdSetIterator;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.MatchAllDocsQuery;
import org.apache.lucene.search.ScoreMode;
import org.apache.lucene.search.Scorer;
import org.apache.lucene.search.Weight;
import org.jspecify.annotations.Nullable;

import dev.penstock.events.EventDecoder;
import dev.penstock.events.LogFile;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;

/**
 * One search in a snapshot of the index: finds the blocks by their keys, reads their lines from the log, keeps those that
 * fit. Confined to whoever searches.
 */
final class Search implements AutoCloseable {
    /** Blocks that one search reads at most, 130,000 events: under a second, also of compressed files. */
    static final int MAX_BLOCKS = 2_000;
    /** Events that a story has at most. */
    static final int MAX_STORY = 10_000;

    private final Path directory;
    private final Snapshot snapshot;
    private final Set<String> missing = new HashSet<>();
    /** The file that the last block was read from: blocks come file by file, so one is open at a time. */
    private LogFile.@Nullable Lines open;
    private String openName = "";
    private byte[] lines = new byte[128 << 10];
    private int read;
    private int gone;

    /** A block of lines that may have some that fit. */
    private record Block(long place, int length) {
        int file() {
            return (int) (place >>> HistoryIndex.OFFSET_BITS);
        }

        long offset() {
            return place & HistoryIndex.OFFSET_MASK;
        }
    }

    /** @param directory of the log */
    Search(Path directory, Snapshot snapshot) {
        this.directory = directory;
        this.snapshot = snapshot;
    }

    Page<Hit> page(Query query, int limit, @Nullable Cursor after) throws IOException {
        if (after != null && after.born() != snapshot.born()) {
            throw new HistoryException("the index was made anew since this search began; begin it again", null);
        }
        List<Hit> hits = new ArrayList<>();
        for (Snapshot.View view : snapshot.partitions()) {
            if (after != null && view.number() > after.partition()) {
                continue;
            }
            boolean resumed = after != null && view.number() == after.partition();
            for (Block block : blocks(view, query)) {
                if (resumed && after != null && block.place > after.place()) {
                    continue;
                }
                if (read == MAX_BLOCKS) {
                    return new Page<>(hits, new Cursor(snapshot.born(), view.number(), block.place,
                            block.offset() + block.length), false, gone);
                }
                for (Hit hit : fitting(view, block, query).reversed()) {
                    if (resumed && after != null && block.place == after.place()
                            && hit.cursor().line() >= after.line()) {
                        continue;
                    }
                    if (hits.size() == limit) {
                        return new Page<>(hits, hits.getLast().cursor(), true, gone);
                    }
                    hits.add(hit);
                }
            }
        }
        return new Page<>(hits, null, true, gone);
    }

    Story story(MessageId id) throws IOException {
        Query query = Query.of(id);
        List<Hit> events = new ArrayList<>();
        for (Snapshot.View view : snapshot.partitions().reversed()) {
            for (Block block : blocks(view, query).reversed()) {
                if (events.size() >= MAX_STORY || read == MAX_BLOCKS) {
                    return new Story(id, events, false, gone);
                }
                events.addAll(fitting(view, block, query));
            }
        }
        return new Story(id, events, true, gone);
    }

    /** Those with all of the keys, what was logged last first. */
    private static List<Block> blocks(Snapshot.View view, Query query) throws IOException {
        IndexSearcher searcher = new IndexSearcher(view.reader());
        searcher.setQueryCache(null);
        Weight weight = searcher.createWeight(searcher.rewrite(keys(query)), ScoreMode.COMPLETE_NO_SCORES, 1);
        long from = query.from() == null ? Long.MIN_VALUE : query.from().toEpochMilli();
        long to = query.to() == null ? Long.MAX_VALUE : query.to().toEpochMilli();
        List<Block> blocks = new ArrayList<>();
        for (LeafReaderContext context : view.reader().leaves()) {
            Scorer scorer = weight.scorer(context);
            LeafReader segment = context.reader();
            NumericDocValues place = segment.getNumericDocValues(HistoryIndex.PLACE);
            NumericDocValues length = segment.getNumericDocValues(HistoryIndex.LENGTH);
            NumericDocValues min = segment.getNumericDocValues(HistoryIndex.MIN);
            NumericDocValues max = segment.getNumericDocValues(HistoryIndex.MAX);
            if (scorer == null || place == null || length == null || min == null || max == null) {
                continue;
            }
            DocIdSetIterator found = scorer.iterator();
            for (int document = found.nextDoc(); document != DocIdSetIterator.NO_MORE_DOCS; document = found
                    .nextDoc()) {
                if (min.advanceExact(document) && min.longValue() < to && max.advanceExact(document)
                        && max.longValue() >= from && place.advanceExact(document) && length.advanceExact(document)) {
                    blocks.add(new Block(place.longValue(), (int) length.longValue()));
                }
            }
        }
        blocks.sort(Comparator.comparingLong(Block::place).reversed());
        return blocks;
    }

    private static org.apache.lucene.search.Query keys(Query query) {
        BooleanQuery.Builder all = new BooleanQuery.Builder();
        add(all, Key.RECIPIENT, query.recipient());
        add(all, Key.DOMAIN, query.domain());
        add(all, Key.SENDER, query.sender());
        add(all, Key.ID, query.id() == null ? null : query.id().toString());
        add(all, Key.TENANT, query.tenant());
        add(all, Key.CAMPAIGN, query.campaign());
        add(all, Key.MESSAGE_ID, query.messageId());
        if (!query.types().isEmpty()) {
            all.add(IntPoint.newSetQuery(HistoryIndex.KEYS,
                    query.types().stream().mapToInt(type -> Key.TYPE.of(type.label())).toArray()), Occur.FILTER);
        }
        BooleanQuery keys = all.build();
        return keys.clauses().isEmpty() ? MatchAllDocsQuery.INSTANCE : keys;
    }

    /** What is empty has no key. */
    private static void add(BooleanQuery.Builder all, Key kind, @Nullable String value) {
        if (value != null && !value.isEmpty()) {
            all.add(IntPoint.newExactQuery(HistoryIndex.KEYS, kind.of(value)), Occur.FILTER);
        }
    }

    private List<Hit> fitting(Snapshot.View view, Block block, Query query) throws IOException {
        int octets = read(view.names().get(block.file()), block);
        if (octets < 0) {
            gone++;
            return List.of();
        }
        List<Hit> fitting = new ArrayList<>();
        int begin = 0;
        for (int end = 0; end < octets; end++) {
            if (lines[end] == '\n') {
                MessageEvent event = EventDecoder.decode(lines, begin, end - begin);
                if (event != null && query.fits(event)) {
                    fitting.add(new Hit(event, new String(lines, begin, end - begin, StandardCharsets.UTF_8),
                            new Cursor(snapshot.born(), view.number(), block.place, block.offset() + begin)));
                }
                begin = end + 1;
            }
        }
        return fitting;
    }

    /** @return octets of the block's lines; -1 when its file is gone, or can't be read, which the indexer tells of */
    private int read(@Nullable String name, Block block) throws IOException {
        if (name == null || missing.contains(name)) {
            return -1;
        }
        try {
            LogFile.Lines file = open(name);
            read++;
            if (lines.length < block.length) {
                lines = new byte[block.length];
            }
            return file.read(block.offset(), lines, 0, block.length);
        } catch (IOException | LinkageError _) { // LinkageError: zstd's native library can't be loaded here
            missing.add(name);
            close();
            return -1;
        }
    }

    private LogFile.Lines open(String name) throws IOException {
        LogFile.Lines last = open;
        if (last != null && openName.equals(name)) {
            return last;
        }
        close();
        LogFile.Lines next = LogFile.open(directory, name);
        open = next;
        openName = name;
        return next;
    }

    @Override
    public void close() throws IOException {
        LogFile.Lines last = open;
        open = null;
        if (last != null) {
            last.close();
        }
    }
}
