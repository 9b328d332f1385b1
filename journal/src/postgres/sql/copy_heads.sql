INSERT INTO heads (partition, epoch)
SELECT n - 1, epoch FROM unnest($1::bigint[]) WITH ORDINALITY AS given (epoch, n)
